"""What `cms fleet hours` says: to mistakes, before the fact, and as shipped."""

import re

import pytest

from . import office as given
from .conftest import REPOSITORY, Cms, Ec2, Faults
from .office import NIGHT, NOON, OFFICE, Office

cloud, fresh, office = given.cloud, given.fresh, given.office


@pytest.mark.parametrize("verb", ["show", "preview", "apply", "snooze web --until=2h"])
def test_a_mistake_in_the_file_is_named_with_its_line(office: Office, ec2: Ec2, verb: str) -> None:
    office.schedules(OFFICE.replace("Berlin", "Berlinn"))
    office.hours(*verb.split(), code=2)
    file = office.cms.root / "office-hours.yaml"
    assert office.said == (
        f"cms: {file}, line 4: schedules.office.timezone: 'Europe/Berlinn' is no time zone: "
        "use Europe/Berlin\n"
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("", "wrong usage"),
        ("hours", "wrong usage"),
        ("hours apply --at=tomorrow", "--at=tomorrow: no time: write it as"),
        ("hours apply --at=0001-01-01", "--at=0001-01-01: no time"),
        ("hours apply --at=2999-01-01T00:00Z", "is still to come: add --dryrun"),
        ("hours preview --days=0", "--days=0: give a number"),
        ("hours preview nosuch", "nosuch: no such schedule: there are office"),
        ("hours preview --from=x", "--from=x: no time"),
        ("hours show --output=nope", "unknown format"),
        ("hours snooze web", "wrong usage"),
    ],
)
def test_wrong_usage(office: Office, words: str, says: str) -> None:
    result = office.cms("fleet", *words.split())
    assert (result.returncode, result.stdout) == (2, "")
    assert says in result.stderr


def test_the_preview_needs_neither_mongo_nor_a_cloud(cms: Cms) -> None:
    office = Office(cms)
    week = office.hours("preview", "office", "--from=2026-03-28", "--days=3")
    assert [(entry["at"], entry["action"]) for entry in week] == [
        ("2026-03-30T08:00+02:00", "start"), ("2026-03-30T18:00+02:00", "stop"),
    ]  # fmt: skip
    (shown,) = office.hours("show")
    assert (shown["name"], shown["weekdays"][-1], shown["stop"]) == ("office", "fri", "18:00")
    assert shown["now"] in ("on", "off")
    assert shown["next"].split()[0] in ("start", "stop")
    # A machine without time zones of its own has them from a package.
    table = cms("fleet", "hours", "show", PYTHONTZPATH="")
    assert (table.returncode, table.stderr) == (0, "")
    assert "Europe/Berlin" in table.stdout


def test_as_shipped_it_does_nothing(fresh: Office, ec2: Ec2, faults: Faults) -> None:
    ec2.make("web")
    office = fresh
    office.schedules((REPOSITORY / "config/office-hours.yaml").read_text())
    for at in (NOON, NIGHT):
        assert office.apply(at) == []
    assert faults.actions() == []
    assert office.hours("preview") == []


def test_the_example_of_the_docs_gives_what_they_show(cms: Cms) -> None:
    page = (REPOSITORY / "docs/office-hours.md").read_text()
    office = Office(cms)
    office.schedules(page.partition("```yaml\n")[2].partition("```")[0])
    session = page.partition("```console\n")[2].partition("```")[0]
    (command, shown), *_ = re.findall(r"^\$ cms (.* preview .*)\n((?:[|+].*\n)+)", session, re.M)
    assert cms(*command.split()).stdout == shown
