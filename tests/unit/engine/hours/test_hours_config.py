"""office-hours.yaml: what is understood, and what is refused with its line."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from cloudmesh_engine.clouds import Machine
from cloudmesh_engine.config import Settings
from cloudmesh_engine.errors import ConfigError
from cloudmesh_engine.hours.config import Schedule, load

REPOSITORY = Path(__file__).parents[4]
OFFICE = """\
schedules:
  office:
    timezone: Europe/Berlin
    weekdays: mon-fri
    start: 08:00
    stop: 18:00
    vms: {names: ["*"]}
"""


def settings(folder: Path) -> Settings:
    clouds: dict[str, Any] = {"aws": {}, "azure": {}}
    return Settings(folder / "cloudmesh.yaml", {"cloudmesh": {"cloud": clouds}}, frozenset())


def read(folder: Path, text: str) -> list[Schedule]:
    (folder / "office-hours.yaml").write_text(text)
    return load(settings(folder), {})


def test_as_shipped_nothing_is_scheduled_and_every_key_is_shown() -> None:
    text = (REPOSITORY / "config/office-hours.yaml").read_text()
    schedules = load(settings(REPOSITORY / "config"), {})
    assert [schedule.enabled for schedule in schedules] == [False]
    for key in ("enabled", "timezone", "weekdays", "start", "stop", "holidays", "holidays_file",
                "clouds", "vms", "names", "groups", "labels", "tags"):  # fmt: skip
        assert f" {key}: " in text or f" {key}:\n" in text


def test_what_the_template_shows_in_comments_can_be_used(tmp_path: Path) -> None:
    text = (REPOSITORY / "config/office-hours.yaml").read_text()
    for key in ("holidays_file", "clouds", "groups", "labels", "tags"):
        assert f"# {key}: " in text
        text = text.replace(f"# {key}: ", f"{key}: ")
    (tmp_path / "holidays.txt").write_text("2026-05-14\n")
    (schedule,) = read(tmp_path, text)
    assert date(2026, 5, 14) in schedule.hours.holidays
    assert schedule.vms["tags"] == ("project=thesis*",)


def test_times_and_dates_need_no_quotes(tmp_path: Path) -> None:
    # To YAML 1.1 they are the number 1080, a date, and the truth.
    more = "    holidays: [2026-12-25, 01-01]\n    enabled: true\n"
    (schedule,) = read(tmp_path, OFFICE + more)
    assert (schedule.hours.start, schedule.hours.stop) == (
        timedelta(hours=8), timedelta(hours=18),
    )  # fmt: skip
    assert schedule.hours.holidays == {date(2026, 12, 25)}
    assert schedule.hours.yearly == {(1, 1)}
    assert not schedule.hours.begins_on(date(2027, 1, 1))
    assert schedule.hours.begins_on(date(2027, 12, 24))


@pytest.mark.parametrize(
    ("text", "days"),
    [("mon-fri", "01234"), ("[sat, sun]", "56"), ("fri-mon", "4560"), ("[mon-tue, Fri]", "014")],
)
def test_weekdays(tmp_path: Path, text: str, days: str) -> None:
    (schedule,) = read(tmp_path, OFFICE.replace("mon-fri", text))
    assert schedule.hours.weekdays == {int(day) for day in days}


def test_holidays_from_a_file_beside_it(tmp_path: Path) -> None:
    (tmp_path / "days.txt").write_text("# Berlin\n2026-03-08  # women\n\n12-25\n")
    (schedule,) = read(tmp_path, OFFICE + "    holidays_file: days.txt\n")
    assert schedule.hours.holidays == {date(2026, 3, 8)}
    assert schedule.hours.yearly == {(12, 25)}


def test_another_place_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(OFFICE)
    environ = {"CLOUDMESH_OFFICE_HOURS": str(tmp_path / "mine.yaml")}
    assert [schedule.name for schedule in load(settings(tmp_path / "nowhere"), environ)] == [
        "office"
    ]


WRONG = [
    ("timezone: Europe/Berlin", "timezone: Europe/Berlinn", 3, "no time zone: use Europe/Berlin"),
    ("timezone: Europe/Berlin", "timezone: ../../etc/passwd", 3, "is no time zone"),
    ("timezone: Europe/Berlin", "timezone: Europe", 3, "is no time zone"),
    ("timezone: Europe/Berlin", "timezone:", 3, "office.timezone: is empty"),
    ("    timezone: Europe/Berlin\n", "", 3, "schedules.office: timezone is missing: add it"),
    ("mon-fri", "mon-frei", 4, "'mon-frei' is no weekday: use mon, tue"),
    ("mon-fri", "[mon, -]", 4, "is no weekday"),
    ("mon-fri", "mon-", 4, "is no weekday"),
    ("mon-fri", "{mon: 1}", 4, "is no list"),
    ("start: 08:00", "start: 8 am", 5, "'8 am' is no time of day: write 00:00 to 23:59"),
    ("start: 08:00", "start: 24:00", 5, "'24:00' is no time of day"),
    ("start: 08:00", "start: 08:60", 5, "'08:60' is no time of day"),
    ("stop: 18:00", "stop: 24:30", 6, "'24:30' is no time of day: write 00:00 to 24:00"),
    ("stop: 18:00", "stop: 08:00", 6, "is the time of the start: for a whole day"),
    ("stop: 18:00", "stopp: 18:00", 6, "unknown key 'stopp': use enabled, timezone"),
    ("stop: 18:00", "stop: [18:00]", 6, "is no single value"),
    ("stop: 18:00", "stop: 18:00\n    stop: 19:00", 7, "'stop' is there twice"),
    ("stop: 18:00", "stop: 18:00\n    enabled: maybe", 7, "'maybe' is neither true nor false"),
    ("stop: 18:00", "stop: 18:00\n    holidays: [2026-02-30]", 7, "'2026-02-30' is no date"),
    ("stop: 18:00", "stop: 18:00\n    holidays: [13-01]", 7, "'13-01' is no date"),
    ("stop: 18:00", "stop: 18:00\n    holidays: [Easter]", 7, "'Easter' is no date"),
    ("stop: 18:00", "stop: 18:00\n    holidays_file: no.txt", 7, "no.txt cannot be read"),
    ("stop: 18:00", "stop: 18:00\n    clouds: [awss]", 7, "'awss' is no cloud: cloudmesh"),
    ("stop: 18:00", "stop: 18:00\n    clouds: []", 7, "names no cloud"),
    ('{names: ["*"]}', "{}", 7, "selects nothing"),
    ('{names: ["*"]}', "{names: []}", 7, "selects nothing"),
    ('{names: ["*"]}', "{name: web}", 7, "unknown key 'name': use names, groups"),
    ('{names: ["*"]}', "web*", 7, "is no mapping"),
    ("  office:", "  1st:", 3, "is no name"),
    ("schedules:", "schedule:", 1, "unknown key 'schedule': use schedules"),
    ("stop: 18:00", "stop: ]18:00", 6, "not valid YAML"),
    ("mon-fri", "[]", 4, "names no day"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "says"), WRONG, ids=lambda value: str(value)[:40])
def test_what_is_wrong_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, says: str
) -> None:
    assert OFFICE.count(old) == 1
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, OFFICE.replace(old, new))
    message = str(caught.value)
    assert message.startswith(f"{tmp_path}/office-hours.yaml, line {line}")
    assert says in message
    assert "\n" not in message


def test_a_wrong_line_of_the_holidays_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "days.txt").write_text("2026-03-08\nsoon\n")
    with pytest.raises(
        ConfigError, match=r"days\.txt, line 2: 'soon' is no date: write 2026-12-25"
    ):
        read(tmp_path, OFFICE + "    holidays_file: days.txt\n")


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}\n"])
def test_a_file_without_schedules_is_not_taken_for_one(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"office-hours\.yaml: "):
        read(tmp_path, text)


def test_a_missing_file_says_where_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no such file: copy config/office-hours\.yaml there"):
        load(settings(tmp_path), {})


@pytest.mark.parametrize(
    ("vms", "covered"),
    [
        ('{names: ["web*"]}', True),
        ('{names: ["web[2-9]"]}', False),
        ("{names: [db, web1]}", True),
        ("{groups: [blue]}", True),
        ("{groups: [default]}", False),
        ("{labels: [front*]}", True),
        ("{tags: {project: thesis*}}", True),
        ("{tags: {project: other}}", False),
        ("{names: [web1], groups: [red]}", False),
        ("{names: [web1], groups: [blue], tags: {project: thesis-1}}", True),
    ],
)
def test_a_vm_is_covered_when_it_matches_a_pattern_of_every_kind(
    tmp_path: Path, vms: str, covered: bool
) -> None:
    tags = {"cm-group": "blue", "cm-label": "frontend", "project": "thesis-1"}
    machine = Machine("aws", "web1", "i-1", "running", "", "", "", [], [], "", tags)
    (schedule,) = read(tmp_path, OFFICE.replace('{names: ["*"]}', vms))
    assert schedule.covers(machine) is covered
    (elsewhere,) = read(tmp_path, OFFICE.replace("vms:", "clouds: [azure]\n    vms:"))
    assert not elsewhere.covers(machine)
