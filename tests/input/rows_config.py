"""Rows 17 and 46 to 49 of the catalogue: configurations that cannot be, and good ones beside them."""

# ruff: noqa: E501 - a row of the table stands on one line

from typing import Final

from tests.input.rows import Config

__all__ = ["CONFIGS", "WHOLE"]

WHOLE: Final = """[ledger]
url = "sqlite:///fleet.db"
[defaults]
kinds = ["entities"]
language = "en"
[targets.main]
region = "us-east-1"
data_access_role_arn = "arn:aws:iam::123456789012:role/comprehend"
output = "s3://corpus-out/results/"
"""


def quota(text: str) -> str:
    return f"{WHOLE}[targets.main.quotas]\n{text}\n"


# fmt: off
CONFIGS: Final = [
    Config(number=46, what="a good one", text=WHOLE, code=0),
    Config(number=46, what="rate 0", text=quota("start_per_s = 0"), says=("fleet: configuration fleet.toml: targets.main.quotas.start_per_s: input should be greater than 0, not 0",)),
    Config(number=46, what="negative rate", text=quota("start_per_s = -1"), says=("fleet: configuration fleet.toml: targets.main.quotas.start_per_s: input should be greater than 0, not -1",)),
    Config(number=46, what="infinite rate", text=quota("start_per_s = inf"), says=("fleet: configuration fleet.toml: targets.main.quotas.start_per_s: input should be less than or equal to 10000, not inf",)),
    Config(number=46, what="NaN", text=quota("start_per_s = nan"), says=("fleet: configuration fleet.toml: targets.main.quotas.start_per_s: input should be less than or equal to 10000, not nan",)),
    Config(number=46, what="tiny rate, which is slow but works", text=quota("start_per_s = 1e-9"), code=0),
    Config(number=46, what="no slots", text=quota("active_jobs = 0"), says=("fleet: configuration fleet.toml: targets.main.quotas.active_jobs: input should be greater than or equal to 1, not 0",)),
    Config(number=46, what="fewer than none", text=quota("active_jobs = -1"), says=("fleet: configuration fleet.toml: targets.main.quotas.active_jobs: input should be greater than or equal to 1, not -1",)),
    Config(number=46, what="10**9 slots", text=quota("active_jobs = 1_000_000_000"), says=("fleet: configuration fleet.toml: targets.main.quotas.active_jobs: input should be less than or equal to 100000, not 1000000000",)),
    Config(number=46, what="a number of 5,000 digits", text=quota(f"active_jobs = {'9' * 5000}"), says=("fleet: configuration fleet.toml: not valid TOML: a number has too many digits",)),
    Config(number=45, what="truth for a number", text=quota("active_jobs = true"), says=("fleet: configuration fleet.toml: targets.main.quotas.active_jobs: a number or text is wanted, not True",)),
    Config(number=45, what="part of a slot", text=quota("active_jobs = 1.5"), says=("fleet: configuration fleet.toml: targets.main.quotas.active_jobs: input should be a valid integer, got a number with a fractional part, not 1.5",)),
    Config(number=45, what="number as string, as a variable has it", text=quota('active_jobs = "10"'), code=0),
    Config(number=45, what="truth as string, as a variable has it", text=WHOLE + '[manifest]\nmeasure = "false"\n', code=0),
    Config(number=45, what="table for a string", text=WHOLE.replace('"us-east-1"', '{ name = "us-east-1" }'), says=("fleet: configuration fleet.toml: targets.main.region: input should be a valid string, not {'name': 'us-east-1'}",)),
    Config(number=47, what="5 as string", text=WHOLE + '[drain]\ndeadline_s = "5"\n', code=0),
    Config(number=47, what="a unit", text=WHOLE + '[drain]\ndeadline_s = "5s"\n', says=("fleet: configuration fleet.toml: drain.deadline_s: input should be a valid number, unable to parse string as a number, not '5s'",)),
    Config(number=47, what="-1", text=WHOLE + '[drain]\ndeadline_s = "-1"\n', says=("fleet: configuration fleet.toml: drain.deadline_s: input should be greater than 0, not '-1'",)),
    Config(number=48, what="variable misspelt", text=WHOLE, variables={"FLEET_MAX_INFLGHT": "5"}, says=("fleet: environment variable FLEET_MAX_INFLGHT: unknown; fleet config show names every setting",)),
    Config(number=48, what="nested variable misspelt", text=WHOLE, variables={"FLEET_LEDGER__URI": "x"}, says=("fleet: environment variable FLEET_LEDGER__URI: unknown; did you mean FLEET_LEDGER__URL?",)),
    Config(number=48, what="variable that is no JSON", text=WHOLE, variables={"FLEET_DEFAULTS": "{kinds"}, says=('fleet: error parsing value for field "defaults" from source "EnvSettingsSource": where a variable holds a whole table or list, it holds JSON',)),
    Config(number=48, what="key misspelt", text=WHOLE + "[track]\npoll_flor_s = 1\n", says=("fleet: configuration fleet.toml: track.poll_flor_s: unknown key; did you mean poll_floor_s?",)),
    Config(number=49, what="password in the ledger's URL", text=WHOLE.replace("sqlite:///fleet.db", "mysql://u:hunter22@db/fleet"), says=("fleet: ledger.url: must be sqlite:///relative.db, sqlite:////absolute.db or postgresql://..., not 'mysql'://...",)),
    Config(number=49, what="password in a PostgreSQL URL that is none", text=WHOLE.replace("sqlite:///fleet.db", "postgresql://u:hunter22@[db/fleet"), says=("fleet: ledger.url: is no postgresql:// URL that libpq understands",)),
    Config(number=49, what="password where it does not belong", text=WHOLE + '[http]\nlisten = ["https://u:hunter22@h/"]\n', says=("fleet: configuration fleet.toml: http.listen: input should be a valid string, not ['https://***@h/']",)),
    Config(number=50, what="escape sequence in a key", text=WHOLE + '[track]\n"\\u001b[31m" = 1\n', says=("fleet: configuration fleet.toml: track.'\\x1b[31m': unknown key; known here: list_lag_s, poll_ceiling_s, poll_floor_s, stuck_after_s, sweep",)),
    Config(number=50, what="escape sequence in a value", text=WHOLE + '[verify]\ndepth = "\\u001b[2Jfull"\n', says=("fleet: configuration fleet.toml: verify.depth: input should be 'full', 'head' or 'off', not '\\x1b[2Jfull'",)),
    Config(number=4, what="Latin-1", text=WHOLE.encode() + b"# \xe9t\xe9\n", says=("fleet: configuration fleet.toml: not UTF-8: byte 0xe9 at position 226; save the file as UTF-8",)),
    Config(number=2, what="byte order mark", text=b"\xef\xbb\xbf" + WHOLE.encode(), says=("fleet: configuration fleet.toml: begins with a byte order mark; save it as UTF-8 without one",)),
    Config(number=3, what="UTF-16", text=WHOLE.encode("utf-16"), says=("fleet: configuration fleet.toml: not UTF-8: byte 0xff at position 1; save the file as UTF-8",)),
    Config(number=7, what="NUL byte", text=WHOLE.encode() + b"\0", says=("fleet: configuration fleet.toml: not valid TOML: Invalid statement (at line 10, column 1)",)),
    Config(number=11, what="TOML that breaks off", text=WHOLE + '[verify]\ndepth = "fu', says=("fleet: configuration fleet.toml: not valid TOML: Unterminated string (at end of document)",)),
    Config(number=16, what="YAML", text="ledger:\n  url: &a sqlite:///x.db\n", why="the configuration is TOML.", says=("fleet: configuration fleet.toml: not valid TOML: Expected '=' after a key in a key/value pair (at line 1, column 7)",)),
    Config(number=18, what="a key twice", text=WHOLE + "[verify]\ndepth = 'off'\ndepth = 'full'\n", says=("fleet: configuration fleet.toml: not valid TOML: Cannot overwrite a value (at line 12, column 15)",)),
    Config(number=18, what="10,000 levels", text="x = " + "[" * 10_000, says=("fleet: configuration fleet.toml: not valid TOML: nested too deep",)),
    Config(number=33, what="unknown kind", text=WHOLE.replace('["entities"]', '["entitties"]'), says=("fleet: defaults.kinds: unknown kind 'entitties'; did you mean 'entities'?",)),
]
# fmt: on
