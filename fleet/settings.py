"""Every limit and path, each with its unit in the name.

Precedence: flag > environment > file > secrets directory > default. An unknown key, and an unknown FLEET_ variable,
is an error that suggests the right spelling: a limit that silently does not apply is worse than none.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from fleet.core import strict_toml
from fleet.core.errors import Misconfigured
from fleet.core.lane import Quotas
from fleet.core.secrets import redacted
from fleet.core.text import named, nearest, shown

__all__ = ["Settings", "TargetSettings", "default_prices", "load"]

_PREFIX: Final = "FLEET_"
_ONLY_OURS: Final = frozenset({"FLEET_CONFIG", "FLEET_LOG_LEVEL", "FLEET_LOG_FORMAT"})  # read by the command line


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_1(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, bool) and cls.model_fields[info.field_name or ""].annotation is not bool:
            raise PydanticCustomError("no_truth", "a number or text is wanted")
        return value


class QuotaSettings(_Section):
    """What differs from config/quotas.toml for one target's lanes."""

    active_jobs: int | None = Field(default=None, ge=1, le=100_000)
    start_per_s: float | None = Field(default=None, gt=0, le=10_000)
    describe_per_s: float | None = Field(default=None, gt=0, le=10_000)
    list_per_s: float | None = Field(default=None, gt=0, le=10_000)
    stop_per_s: float | None = Field(default=None, gt=0, le=10_000)

    def resolved(self) -> Quotas:
        """These quotas, with AWS's defaults where nothing is said."""
        said = self.model_dump(exclude_none=True)
        return Quotas(**(_default_quotas() | said))


class TargetSettings(_Section):
    """An account and Region that runs jobs, with the role that Comprehend uses to read input and write output."""

    region: str
    data_access_role_arn: str
    output: str
    profile: str | None = None
    assume_role_arn: str | None = None
    quotas: QuotaSettings = QuotaSettings()


class LedgerSettings(_Section):
    """Where the ledger is, and for how long a replica of a shared one holds a lane without a word."""

    url: str = "sqlite:///fleet.db"
    password_file: Path | None = None
    lease_s: float = Field(default=15.0, ge=2.0, le=300.0)


class HttpSettings(_Section):
    """Where `fleet serve` listens (only with `allow_remote` where others can reach it), and its host names."""

    listen: str = "127.0.0.1:9377"
    allow_remote: bool = False
    hosts: list[str] = []


class DefaultsSettings(_Section):
    """What holds for every manifest line that does not say otherwise."""

    kinds: list[str] = []
    language: str | None = None
    input_format: str | None = None
    request: dict[str, Any] = {}


class ManifestSettings(_Section):
    """`generation`: another word asks for the whole corpus again. `measure`: list inputs, large ones first.
    `strict`: a manifest with a rejected line is refused as a whole. `watch_s`, `quiet_s`: how often `fleet serve`
    looks, and how long a file must not have changed until a last line without an end is read."""

    generation: str = Field(default="1", min_length=1, max_length=64)
    measure: bool = True
    strict: bool = False
    watch_s: float = Field(default=5.0, gt=0, le=86_400)
    quiet_s: float = Field(default=10.0, ge=0, le=86_400)


class TrackSettings(_Section):
    """How often AWS is asked about a running job, how long a List may lag behind a Start, and how old a job may get."""

    sweep: bool = True
    poll_floor_s: float = Field(default=1.0, gt=0, le=3600)
    poll_ceiling_s: float = Field(default=30.0, gt=0, le=3600)
    list_lag_s: float = Field(default=5.0, ge=0, le=3600)
    stuck_after_s: float = Field(default=86_400.0, gt=0, le=31_536_000)


class RetrySettings(_Section):
    """How often a job that AWS reports as FAILED is tried, and how long fleet waits in between."""

    attempts: int = Field(default=3, ge=1, le=100)
    floor_s: float = Field(default=5.0, gt=0, le=86_400)
    ceiling_s: float = Field(default=300.0, gt=0, le=86_400)


class VerifySettings(_Section):
    """How much of an output is read before its job counts as verified."""

    depth: Literal["full", "head", "off"] = "full"


class TelemetrySettings(_Section):
    """Where spans go, by OTLP over HTTP; nowhere if nothing is said here or in OTEL_EXPORTER_OTLP_ENDPOINT."""

    otlp_endpoint: str | None = None


class DrainSettings(_Section):
    """How long a signal may take to end the process: after that it leaves with what the ledger has."""

    deadline_s: float = Field(default=25.0, gt=0, le=3600)


class Settings(BaseSettings):
    """The whole configuration."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
        defer_build=True,  # what is loaded is a subclass, and this one may never be asked
    )

    ledger: LedgerSettings = LedgerSettings()
    http: HttpSettings = HttpSettings()
    defaults: DefaultsSettings = DefaultsSettings()
    targets: dict[str, TargetSettings] = {}
    manifest: ManifestSettings = ManifestSettings()
    track: TrackSettings = TrackSettings()
    retry: RetrySettings = RetrySettings()
    verify: VerifySettings = VerifySettings()
    drain: DrainSettings = DrainSettings()
    telemetry: TelemetrySettings = TelemetrySettings()


def load(
    path: Path | None, *, flags: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """The settings from all sources; `Misconfigured` names every bad one with its place.

    `path` None means `fleet.toml` where it exists.
    """
    file = path or Path("fleet.toml")
    if path is not None and not path.is_file():
        raise Misconfigured(f"configuration {path}: {'not a file' if path.exists() else 'no such file'}")
    unknown = dict(_unknown_variables(os.environ if environment is None else environment))
    problems = list(unknown.values())
    try:
        settings = _Sourced.of(_table(file), flags or {})
    except ValidationError as error:
        told = error.errors(include_url=False)
        problems += [_explain(file, problem) for problem in told if _spelling(problem["loc"]) not in unknown]
    except SettingsError as error:
        problems += [f"{error}: where a variable holds a whole table or list, it holds JSON"]
    if problems:
        raise Misconfigured("\n".join(problems))
    return settings


def _table(file: Path) -> dict[str, Any]:
    """What the file says; nothing where there is none."""
    if not file.is_file():
        return {}
    try:
        with file.open("rb") as opened:
            return strict_toml.parse(opened.read(strict_toml.BYTES_MAX + 1))
    except ValueError as error:
        raise Misconfigured(f"configuration {file}: {error}") from None


class _Sourced:
    """Settings with the sources of one call: the file and the secrets directory are not known before."""

    @staticmethod
    def of(table: dict[str, Any], flags: Mapping[str, Any]) -> Settings:
        class Loaded(Settings):
            @classmethod
            def settings_customise_sources(
                cls,
                settings_cls: type[BaseSettings],
                init_settings: PydanticBaseSettingsSource,
                env_settings: PydanticBaseSettingsSource,
                dotenv_settings: PydanticBaseSettingsSource,
                file_secret_settings: PydanticBaseSettingsSource,
            ) -> tuple[PydanticBaseSettingsSource, ...]:
                sources = (init_settings, env_settings, InitSettingsSource(settings_cls, init_kwargs=table))
                secrets = os.environ.get("CREDENTIALS_DIRECTORY") or "/run/secrets"
                if not Path(secrets).is_dir():
                    return sources
                return (*sources, NestedSecretsSettingsSource(file_secret_settings, secrets_dir=secrets))

        return Loaded(**flags)


def _default_quotas() -> dict[str, Any]:
    """AWS's default quotas."""
    return _shipped("quotas.toml")


def default_prices() -> dict[str, Any]:
    """What a unit of text costs, as far as a source could be read."""
    return _shipped("prices.toml")


def _shipped(name: str) -> dict[str, Any]:
    """Data beside the package where it is installed, in config/ in a checkout."""
    installed = Path(__file__).with_name(name)
    path = installed if installed.is_file() else Path(__file__).parent.parent / "config" / name
    return tomllib.loads(path.read_text())


def _unknown_variables(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Each variable that means nothing, and what is said of it."""
    known = {f"{_PREFIX}{name.upper()}" for name in Settings.model_fields}
    for name in sorted(environment):
        if not name.startswith(_PREFIX) or name in _ONLY_OURS:
            continue
        section, *rest = name.split("__")
        if section in known and _is_known(section.removeprefix(_PREFIX).lower(), [part.lower() for part in rest]):
            continue
        names = sorted(one.removeprefix(_PREFIX) for one in _ONLY_OURS | _spelled())
        meant = nearest(name.removeprefix(_PREFIX), names)
        told = f"did you mean {_PREFIX}{meant}?" if meant else "fleet config show names every setting"
        yield name, f"environment variable {name}: unknown; {told}"


def _is_known(section: str, rest: list[str]) -> bool:
    """Whether a nested name exists; what lies below free-form tables is the file's matter."""
    model: Any = Settings.model_fields[section].annotation
    if not rest or section == "targets":
        return not rest or len(rest) == 1 or rest[1] in TargetSettings.model_fields
    return rest[0] in model.model_fields


def _spelling(place: tuple[int | str, ...]) -> str:
    """The variable that gives the setting at this place."""
    return _PREFIX + "__".join(map(str, place)).upper()


def _spelled() -> set[str]:
    return {
        _spelling((section, name))
        for section, field in Settings.model_fields.items()
        if section != "targets"
        for name in field.annotation.model_fields  # type: ignore[union-attr]
    }


def _explain(file: Path, problem: Any) -> str:
    place = ".".join(named(str(part)) for part in problem["loc"])
    if problem["type"] == "missing":
        return f"configuration {file}: {place}: required, but not given"
    if problem["type"] != "extra_forbidden":
        return f"configuration {file}: {place}: {problem['msg'].lower()}, not {redacted(shown(problem['input']))}"
    known = _fields_at(problem["loc"][:-1])
    meant = nearest(str(problem["loc"][-1]), known)
    told = f"did you mean {meant}?" if meant else f"known here: {', '.join(known)}"
    return f"configuration {file}: {place}: unknown key; {told}"


def _fields_at(path: tuple[int | str, ...]) -> list[str]:
    fields: Any = Settings.model_fields
    for part in path:
        annotation = TargetSettings if part == "targets" else getattr(fields.get(part), "annotation", None)
        fields = getattr(annotation, "model_fields", fields)
    return sorted(fields)
