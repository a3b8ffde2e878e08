"""Entries become jobs: one per kind, the same for ever, and what is wrong names its place and its kinds."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fleet.aws.model import start_shapes
from fleet.core.job import PlannedJob
from fleet.core.kinds import KINDS
from fleet.core.lane import Lane
from fleet.core.manifest import Entry, Rejection, entries
from fleet.core.plan import Planner, plan_entry
from fleet.core.request import Defaults, Target

SHAPES = start_shapes()


def target(name: str = "main", *, account: str = "123456789012", **changed: str) -> Target:
    fields = {
        "region": "us-east-1",
        "data_access_role_arn": f"arn:aws:iam::{account}:role/comprehend",
        "output": "s3://corpus-out/results/",
    }
    return Target(name=name, **{**fields, **changed})


DEFAULTS = Defaults(kinds=("entities", "pii_entities"), language="en")
MAIN = {"main": target()}


def plan(
    prefix: str = "s3://corpus-in/a/",
    *,
    defaults: Defaults = DEFAULTS,
    targets: dict[str, Target] = MAIN,
    generation: str = "1",
    **fields: Any,
) -> tuple[list[PlannedJob], list[Rejection]]:
    entry = Entry(line=7, prefix=prefix, **fields)
    return plan_entry(entry, defaults=defaults, targets=targets, generation=generation, shapes=SHAPES)


def planned(prefix: str = "s3://corpus-in/a/", **fields: Any) -> list[PlannedJob]:
    jobs, rejections = plan(prefix, **fields)
    assert rejections == []
    return jobs


def told(prefix: str = "s3://corpus-in/a/", **fields: Any) -> dict[str | None, str]:
    """Field -> reason of everything that is wrong; no job is planned."""
    jobs, rejections = plan(prefix, **fields)
    assert jobs == []
    assert all(rejection.line == 7 and rejection.reason.isprintable() for rejection in rejections)
    return {rejection.field: rejection.reason for rejection in rejections}


def test_every_kind_is_a_job() -> None:
    """One job for each kind in the order given, in the lane of the target's account and Region, with its request."""
    jobs = planned(label="february")

    assert [job.lane for job in jobs] == [
        Lane("123456789012", "us-east-1", "entities"),
        Lane("123456789012", "us-east-1", "pii_entities"),
    ]
    assert len({job.key for job in jobs}) == 2
    for job in jobs:
        assert (job.target, job.prefix, job.label) == ("main", "s3://corpus-in/a/", "february")
        assert not {"ClientRequestToken", "JobName", "InputDataConfig"} & set(json.loads(job.request))


def test_a_kind_named_twice_is_one_job() -> None:
    """Kinds are a set in the order of their first mention."""
    jobs = planned(kinds=("sentiment", "entities", "sentiment"))

    assert [job.lane.kind for job in jobs] == ["sentiment", "entities"]


def test_the_lines_kinds_replace_the_defaults() -> None:
    """A line that names kinds gets these and no others."""
    assert [job.lane.kind for job in planned(kinds=("key_phrases",))] == ["key_phrases"]


def test_a_bad_kind_does_not_cost_the_good_ones() -> None:
    """The good kinds of a line are planned, and the bad one is named with its kind."""
    jobs, rejections = plan(language="fr")

    assert [job.lane.kind for job in jobs] == ["entities"]
    assert rejections == [
        Rejection(line=7, field="language", reason="pii_entities: 'fr' is not supported, only en, es")
    ]


def test_a_member_that_one_kind_lacks_is_named_for_that_kind() -> None:
    """VpcConfig at the top works for entities, and says where to put it so that PII is left alone."""
    vpc = {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}

    jobs, rejections = plan(request={"VpcConfig": vpc})

    assert [job.lane.kind for job in jobs] == ["entities"]
    assert [rejection.field for rejection in rejections] == ["request.VpcConfig"]
    assert "pii_entities: is not a member of pii_entities: put it under a kind" in rejections[0].reason
    assert len(planned(request={"entities": {"VpcConfig": vpc}})) == 2


def test_the_same_mistake_of_several_kinds_is_told_once() -> None:
    """One wrong field is one rejection that names all kinds it concerns."""
    assert told(output="nowhere") == {
        "output": "entities, pii_entities: 'nowhere' is not an S3 URI: "
        "write s3://bucket/prefix, with s3 in small letters"
    }


def test_unknown_kinds_are_named_with_what_was_meant() -> None:
    """Case variants and misspellings get a suggestion; the kinds that are known are planned."""
    jobs, rejections = plan(kinds=("Entities", "sentiment", "pii"))

    assert [job.lane.kind for job in jobs] == ["sentiment"]
    assert [(rejection.field, rejection.reason) for rejection in rejections] == [
        ("kinds", "'Entities' is unknown: did you mean 'entities'?"),
        ("kinds", "'pii' is unknown: did you mean 'pii_entities'?"),
    ]


def test_kinds_must_come_from_somewhere() -> None:
    """A line without kinds needs defaults that have them."""
    assert told(defaults=Defaults(language="en")) == {"kinds": "no kinds: give them in the line or in [defaults]"}
    assert list(told(defaults=Defaults(language="en", kinds=("topics",)))) == ["defaults.kinds"]


def test_the_only_target_is_the_default_one() -> None:
    """With one target nobody has to name it; with several a line must, and a wrong name gets a suggestion."""
    both = {"main": target(), "europe": target("europe", region="eu-west-1")}

    assert planned(targets=both, target="europe")[0].lane.region == "eu-west-1"
    assert told(targets=both) == {"target": "which of the targets? Known: main, europe"}
    assert told(targets=both, target="Eurpe") == {"target": "'Eurpe' is unknown: did you mean 'europe'?"}
    assert told(target="other") == {"target": "'other' is unknown: known: main"}
    assert told(targets={}) == {"target": "the configuration has no [targets.NAME]"}


def test_a_bad_prefix_rejects_the_entry_with_all_its_problems() -> None:
    """A prefix that cannot be read stops every kind, and what else is wrong is told too."""
    assert told("s3://corpus_in/a/", language="xx").keys() == {"prefix", "language"}


def test_no_job_reads_results() -> None:
    """An input that would take in results written below the output is refused."""
    found = told("s3://corpus-out/", kinds=("entities",))

    assert found == {
        "prefix": "entities: 's3://corpus-out/' would read results that are written below 's3://corpus-out/results/'"
    }
    assert planned("s3://corpus-out/documents/")


def test_a_bad_target_is_named_for_every_line() -> None:
    """A role that is none stops the job before a lane is made from it."""
    assert list(told(targets={"main": target(data_access_role_arn="arn:aws:iam::123456789012:user/comprehend")})) == [
        "targets.main.data_access_role_arn"
    ]


def test_the_key_does_not_know_the_target() -> None:
    """Moving work to another account, Region, role or output runs nothing twice; another generation runs it again."""
    elsewhere = {"other": target("other", account="999999999999", region="eu-west-1", output="s3://corpus-eu/")}

    keys = [job.key for job in planned()]

    assert [job.key for job in planned(targets=elsewhere)] == keys
    assert [job.key for job in planned(label="x", output="s3://corpus-out/b/")] == keys
    assert not {job.key for job in planned(generation="2")} & set(keys)
    assert not {job.key for job in planned("s3://corpus-in/b/")} & set(keys)


@given(
    prefixes=st.lists(st.text("abc/", max_size=5).map("s3://corpus-in/".__add__), max_size=10),
    languages=st.lists(st.sampled_from([None, "en", "es", "xx"]), min_size=10, max_size=10),
)
def test_a_planner_that_remembers_plans_the_same(prefixes: list[str], languages: list[str | None]) -> None:
    """What a planner remembers of earlier entries never changes a plan."""
    planner = Planner(defaults=DEFAULTS, targets=MAIN, generation="1", shapes=SHAPES)

    for prefix, language in zip(prefixes, languages, strict=False):
        entry = Entry(line=7, prefix=prefix, language=language)
        assert planner.plan(entry) == plan(prefix, language=language)


def test_jobs_of_one_configuration_share_their_request() -> None:
    """A million similar lines hold one request per kind in memory."""
    planner = Planner(defaults=DEFAULTS, targets=MAIN, generation="1", shapes=SHAPES)

    first, second = (planner.plan(Entry(line=1, prefix=f"s3://corpus-in/{name}/"))[0] for name in "ab")

    assert first[0].request is second[0].request
    assert first[0].key != second[0].key


def test_settings_that_never_repeat_stay_in_bounds() -> None:
    """Every line with its own output is planned right, however many were before it."""
    planner = Planner(defaults=DEFAULTS, targets=MAIN, generation="1", shapes=SHAPES)

    for number in range(5000):
        entry = Entry(line=1, prefix="s3://corpus-in/a/", kinds=("sentiment",), output=f"s3://corpus-out/{number}/")
        ((job,), _) = planner.plan(entry)
        assert f'"s3://corpus-out/{number}/"' in job.request


def test_the_example_of_the_design_is_planned() -> None:
    """Lines of all five kinds, read and planned as one pipeline, give jobs that differ only where they should."""
    lines = [json.dumps({"prefix": f"s3://corpus-in/{n}/", "kinds": list(KINDS)}).encode() for n in range(3)]
    planner = Planner(defaults=DEFAULTS, targets=MAIN, generation="1", shapes=SHAPES)

    jobs = [job for entry in entries(lines) if isinstance(entry, Entry) for job in planner.plan(entry)[0]]

    assert len(jobs) == len({job.key for job in jobs}) == 15
    assert len({job.request for job in jobs}) == 2  # PII says its Mode
