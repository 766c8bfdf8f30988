"""Office hours, the chart of VM hours, and what VMs cost, as a person sees them."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

EVIL = "<img src=x onerror=\"document.title='owned'\">"


def text(moment):
    return moment.isoformat(timespec="microseconds")


def from_now(**distance):
    return text(datetime.now(UTC) + timedelta(**distance))


def schedule(name, **more):
    """A schedule, as the engine tells of it."""
    return {
        **{"name": name, "enabled": True, "now": "on", "next": "stop 2026-11-23T18:00+01:00"},
        **{"timezone": "Europe/Berlin", "weekdays": ["mon", "tue"], "start": "08:00"},
        **{"stop": "18:00", "clouds": ["aws"], "vms": ["names: web*"], **more},
    }


def change(at, action, name):
    utc = datetime.fromisoformat(at).astimezone(UTC).isoformat()
    return {"at": at, "utc": utc, "action": action, "schedule": name}


def timetable(*schedules, minutes=3):
    coming = [
        change("2026-11-23T18:00+01:00", "stop", schedules[0]["name"]),
        change("2026-11-24T08:00+01:00", "start", schedules[0]["name"]),
        change("2026-11-24T18:00+01:00", "stop", schedules[0]["name"]),
    ]
    head = {"kind": "timetable", "as_of": from_now(minutes=-minutes)}
    return {**head, "schedules": schedules, "preview": coming}


def snoozed(name, hours):
    head = {"kind": "vm", "cloud": "aws", "name": name, "instance": f"i-{name}"}
    return {**head, "goal": "", "launched": "", "snoozed": from_now(hours=hours)}


@pytest.fixture
def office(inventory):
    """Fills what office hours remember, until the test ends."""
    yield lambda *documents: inventory.fill({"hours": [*documents]})
    inventory.fill({"hours": []})


@pytest.fixture
def ran(inventory):
    """Lets VMs of clouds have run for so many hours yesterday, until the test ends."""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)

    def filled(**hours):
        begin = midnight - timedelta(days=1)
        inventory.fill(
            {
                "timesheets": [
                    {
                        **{"cloud": cloud, "since": text(begin), "past": []},
                        "until": text(begin + timedelta(hours=number)),
                    }
                    for cloud, number in hours.items()
                ]
            }
        )

    yield filled
    inventory.fill({"timesheets": []})


def test_office_hours_show_schedules_and_the_week(visit, office):
    office(timetable(schedule("office")))
    page = visit()
    expect(page.locator("#told")).to_contain_text(re.compile("As read [3-9] min ago"))
    row = page.locator("#schedules tr")
    for word in ("office", "on", "Nov 23 18:00", "08:00 to 18:00", "Europe/Berlin", "web*"):
        expect(row).to_contain_text(word)
    days = page.locator("#week > li")
    expect(days).to_have_count(2)
    expect(days.nth(1).locator("li")).to_have_text(["08:00 start office", "18:00 stop office"])


def test_a_dag_that_does_not_run_is_told_of(visit, office):
    page = visit()
    expect(page.locator("#told")).to_contain_text("has not run")
    office(timetable(schedule("office", enabled=False), minutes=120))
    expect(page.locator("#told")).to_contain_text("until it runs again")
    expect(page.locator("#told")).to_contain_text("Nothing is scheduled")
    assert page.get_by_role("button", name="Snooze web-0").count() == 0


def test_a_vm_is_snoozed(visit, web, office):
    office(timetable(schedule("office")))
    page = visit()
    # What is stopped is not kept running.
    expect(page.get_by_role("button", name="Snooze", exact=False)).to_have_count(2)
    page.get_by_role("button", name="Snooze web-0").click()
    page.get_by_label("Until").fill("23:00")
    page.locator("#snooze").get_by_role("button", name="Snooze").click()
    expect(page.locator("#notice")).to_contain_text("Snooze web-0: begun")
    job = web("GET", "jobs?limit=1").json()["items"][0]
    assert job["parameters"] == {"names": "web-0", "cloud": "aws", "until": "23:00"}


def test_a_snooze_is_ended(visit, web, office):
    office(timetable(schedule("office")), snoozed("web-0", 2), snoozed("over", -2))
    page = visit()
    expect(page.locator("#snoozed li")).to_have_count(1)
    page.get_by_role("button", name="End the snooze of web-0").click()
    expect(page.locator("#notice")).to_contain_text("begun")
    assert web("GET", "jobs?limit=1").json()["items"][0]["parameters"]["until"] == "now"


def test_enter_in_the_dialog_snoozes(visit, web, office):
    office(timetable(schedule("office")))
    page = visit()
    page.get_by_role("button", name="Snooze web-0").click()
    page.get_by_label("Until").fill("3h")
    page.get_by_label("Until").press("Enter")
    expect(page.locator("#notice")).to_contain_text("Snooze web-0: begun")
    assert web("GET", "jobs?limit=1").json()["items"][0]["parameters"]["until"] == "3h"


def test_a_snooze_that_ends_by_itself_is_no_longer_shown(visit, office):
    office(timetable(schedule("office")), snoozed("web-0", 2), snoozed("web-1", 9))
    page = visit()
    expect(page.locator("#snoozed li")).to_have_count(2)
    other = page.get_by_role("button", name="End the snooze of web-1")
    other.focus()
    page.clock.set_fixed_time(datetime.now(UTC) + timedelta(hours=5))
    expect(page.locator("#snoozed li")).to_have_count(1, timeout=15_000)
    expect(other).to_be_focused()
    page.clock.set_fixed_time(datetime.now(UTC) + timedelta(hours=10))
    expect(page.locator("#snoozed-part")).not_to_be_visible(timeout=15_000)


def test_a_viewer_snoozes_nothing(visit, office):
    office(timetable(schedule("office")), snoozed("web-0", 2))
    page = visit("Viewer")
    page.get_by_role("button", name="End the snooze of web-0").click()
    expect(page.locator("#notice")).to_contain_text("may not")


def test_snoozing_works_by_keyboard_and_may_be_left(visit, web, office):
    office(timetable(schedule("office")))
    page = visit()
    before = web("GET", "jobs").json()["total"]
    button = page.get_by_role("button", name="Snooze web-0")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Until")).to_be_focused()
    page.keyboard.press("Escape")
    expect(button).to_be_focused()
    assert web("GET", "jobs").json()["total"] == before


def test_the_chart_and_its_table_tell_the_same(visit, ran):
    ran(aws=20, azure=6)
    page = visit()
    expect(page.locator("#hours-told")).to_have_text("26 hours in 14 days, 26 on the fullest.")
    expect(page.get_by_role("img", name="26 hours in 14 days")).to_be_visible()
    heights = page.locator("#chart g:nth-child(13) rect").evaluate_all(
        "all => all.map((one) => Math.round(one.getAttribute('height')))"
    )
    assert heights == [77, 23]
    assert page.locator("#chart g").count() == 14
    expect(page.locator("#legend li")).to_have_text(["aws", "azure"])
    page.get_by_text("As a table").click()
    expect(page.locator("#hours-head th")).to_have_text(["Day (UTC)", "aws", "azure", "All"])
    cells = page.locator("#hours-rows tr").nth(1).locator("td")
    assert cells.all_text_contents()[1:] == ["20", "6", "26"]
    page.get_by_label("Show").select_option("30")
    expect(page.locator("#hours-told")).to_contain_text("in 30 days")
    assert page.locator("#chart g").count() == 30


def test_no_hours_are_a_flat_chart(visit, ran):
    ran()
    page = visit()
    expect(page.locator("#hours-told")).to_have_text("0 hours in 14 days, 0 on the fullest.")


def test_minutes_are_not_told_as_nothing(visit, ran):
    ran(aws=0.03)
    page = visit()
    expect(page.locator("#hours-told")).to_have_text(
        "< 0.1 hours in 14 days, < 0.1 on the fullest."
    )


def test_what_vms_cost_is_counted_and_told(visit, change, make):
    costs = {"a": 0.0116, "b": None, "c": 0}
    change(aws=[make(name, cost_per_hour=cost) for name, cost in costs.items()])
    page = visit()
    assert [
        page.locator(f"#vms tr:nth-child({n}) td:nth-child(7)").inner_text() for n in (1, 2, 3)
    ] == [
        "0.0116",
        "unknown",
        "0",
    ]
    expect(page.locator("#counts")).to_have_text("aws: 3 running; azure: 1 running")
    expect(page.locator("#cost")).to_have_text("0.0116 USD an hour, and 2 of unknown price")


def test_names_are_shown_as_text_whatever_stands_in_them(visit, office, ran):
    office(timetable(schedule(EVIL, vms=[f"names: {EVIL}"])), snoozed(EVIL, 2))
    ran(**{EVIL: 3})
    page = visit()
    for place in ("#schedules", "#week", "#snoozed", "#legend"):
        expect(page.locator(place)).to_contain_text(EVIL)
    page.get_by_text("As a table").click()
    expect(page.locator("#hours-head")).to_contain_text(EVIL)
    assert page.locator("main img").count() == 0
    assert page.title() == "Clouds"


def test_on_a_phone_nothing_but_tables_is_wider_than_the_screen(visit, office, ran):
    office(timetable(schedule("a-name-" * 9)), snoozed("web-0" * 12, 2))
    ran(aws=20, azure=6)
    page = visit(viewport={"width": 360, "height": 640})
    expect(page.locator("#week li").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 360


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_scan_finds_nothing_serious_with_office_hours(visit, office, ran, axe, scheme):
    office(timetable(schedule("office"), minutes=120), snoozed("web-0", 2))
    ran(aws=20, azure=6)
    page = visit(color_scheme=scheme, bypass_csp=True)
    page.get_by_text("As a table").click()
    page.get_by_role("button", name="Snooze web-0").click()
    page.add_script_tag(path=axe)
    for step in ("dialog", "page"):
        found = page.evaluate("axe.run().then((result) => result.violations)")
        serious = [one["id"] for one in found if one["impact"] in ("serious", "critical")]
        assert serious == [], step
        page.keyboard.press("Escape")
