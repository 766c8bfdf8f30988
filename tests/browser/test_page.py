"""The page Clouds, as a person uses it."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from .chromium import PATIENCE, log_in

EVIL = "<img src=x onerror=\"document.title='owned'\">"


def last_job(web):
    return web("GET", "jobs?limit=1").json()["items"][0]


@pytest.fixture
def framed(browser, web, inventory):
    """Airflow after a login, with the page in its frame."""
    page = browser.new_page(color_scheme="light")
    page.set_default_timeout(PATIENCE)
    frame = log_in(page, web.url, web.password)
    expect(frame.locator("#vms tr")).to_have_count(3)
    yield page
    page.close()


def test_it_is_in_airflows_navigation_and_leads_to_a_run(framed, web):
    job = web("POST", "vms", json={}).json()
    log = framed.frame_locator("iframe").locator("#jobs").get_by_role("link", name="log").first
    address = re.compile(re.escape(job["url"]))
    expect(log).to_have_attribute("href", address)
    log.click()
    expect(framed).to_have_url(address)


def test_it_is_as_dark_as_airflow_is(framed):
    html = framed.frame_locator("iframe").locator("html")
    expect(html).to_have_css("color-scheme", "light")
    framed.get_by_role("button", name="User").click()
    framed.get_by_role("menuitem", name="Appearance").click()
    framed.get_by_role("menuitemradio", name="Dark").click()
    expect(html).to_have_css("color-scheme", "dark")


def test_the_table_tells_of_each_vm(visit):
    first = visit().locator("#vms tr").first
    for text in ("aws", "web-0", "running", "192.0.2.7", "vm_boot"):
        expect(first).to_contain_text(text)


def test_booting_makes_a_job(visit, web):
    page = visit()
    page.get_by_role("button", name="Boot VMs").click()
    page.get_by_label("How many").fill("2")
    page.locator("#boot").get_by_label("Name").fill("lab")
    page.get_by_role("button", name="Boot", exact=True).click()
    expect(page.locator("#notice")).to_contain_text("begun")
    expect(page.locator("#jobs tr").first).to_contain_text("2 lab")
    assert last_job(web)["parameters"]["n"] == 2


def test_enter_in_the_form_boots(visit, web):
    page = visit()
    page.get_by_role("button", name="Boot VMs").click()
    name = page.locator("#boot").get_by_label("Name")
    name.fill("no name")
    name.press("Enter")
    expect(page.locator("#boot")).to_be_visible()
    name.fill("by-enter")
    name.press("Enter")
    expect(page.locator("#notice")).to_contain_text("begun")
    assert last_job(web)["parameters"]["name"] == "by-enter"


def test_cancel_boots_nothing_whatever_stands_in_the_form(visit, web):
    page = visit()
    before = web("GET", "jobs").json()["total"]
    page.get_by_role("button", name="Boot VMs").click()
    page.get_by_label("How many").fill("0")
    page.locator("#boot").get_by_role("button", name="Cancel").click()
    expect(page.locator("#boot")).not_to_be_visible()
    expect(page.get_by_role("button", name="Boot VMs")).to_be_focused()
    assert web("GET", "jobs").json()["total"] == before


@pytest.mark.parametrize(("action", "dag"), [("Stop", "vm_power"), ("Delete", "vm_delete")])
def test_stopping_and_deleting_ask_first(visit, web, action, dag):
    page = visit()
    before = web("GET", "jobs").json()["total"]
    page.get_by_role("button", name=f"{action} web-0").click()
    expect(page.locator("#question")).to_have_text(f"{action} web-0 on aws?")
    page.locator("#ask").get_by_role("button", name="Cancel").click()
    expect(page.locator("#ask")).not_to_be_visible()
    assert web("GET", "jobs").json()["total"] == before
    page.get_by_role("button", name=f"{action} web-0").click()
    page.get_by_role("button", name="Yes").click()
    expect(page.locator("#notice")).to_contain_text("begun")
    assert last_job(web)["dag"] == dag


def test_starting_needs_no_question(visit, web):
    page = visit()
    page.get_by_role("button", name="Start web-1").click()
    expect(page.locator("#notice")).to_contain_text("begun")
    assert last_job(web)["parameters"]["action"] == "start"


def test_a_viewer_is_told_that_it_may_not(visit):
    page = visit("Viewer")
    page.get_by_role("button", name="Start web-1").click()
    expect(page.locator("#notice")).to_contain_text("may not")


def test_a_name_is_shown_as_text_whatever_stands_in_it(visit, change, make):
    change(aws=[make(EVIL, run="<b>/<i>")])
    page = visit()
    expect(page.locator("#vms tr").first).to_contain_text(EVIL)
    assert page.locator("#vms img, #vms b, #vms i").count() == 0
    assert page.title() == "Clouds"


def test_a_script_that_got_into_the_page_would_not_run(visit):
    page = visit()
    script = "document.title = 'owned'"
    insert = "text => document.body.append(Object.assign(document.createElement('script'), {text}))"
    page.evaluate(insert, script)
    assert page.locator("body > script").text_content() == script
    assert page.title() == "Clouds"


def test_a_thousand_vms_are_filtered_and_paged(visit, change, make):
    change(aws=[make(f"vm-{number:04}") for number in range(1000)])
    page = visit()
    expect(page.locator("#position")).to_have_text("1 to 50 of 1001")
    page.get_by_role("button", name="Next").click()
    expect(page.locator("#vms tr").first).to_contain_text("vm-0050")
    page.get_by_role("searchbox", name="Name").fill("vm-099")
    expect(page.locator("#position")).to_have_text("1 to 10 of 10")


def test_it_follows_the_inventory_by_itself(visit, change, make):
    page = visit()
    change(aws=[make("fresh")])
    expect(page.locator("#vms")).to_contain_text("fresh")


def test_times_go_on_and_leave_focus_and_selection(visit, change, make):
    now = datetime.now(UTC)
    made = {"created": now.isoformat(), "deadline": (now + timedelta(hours=2)).isoformat()}
    change(aws=[make("young", **made)])
    page = visit()
    row = page.locator("#vms tr", has_text="young")
    button = row.get_by_role("button", name="Delete young")
    row.get_by_title("young").select_text()
    button.focus()
    page.clock.set_fixed_time(now + timedelta(hours=5))
    expect(row.locator("td").nth(4)).to_have_text("5 h", timeout=15_000)
    expect(row.locator("td").nth(5)).to_have_text("3 h ago")
    expect(button).to_be_focused()
    assert page.evaluate("getSelection().toString()") == "young"


def test_a_question_gives_the_focus_back_though_times_went_on(visit, change, make):
    now = datetime.now(UTC)
    change(aws=[make("young", created=now.isoformat())])
    page = visit()
    button = page.get_by_role("button", name="Delete young")
    button.press("Enter")
    page.clock.set_fixed_time(now + timedelta(hours=5))
    expect(page.locator("#vms tr").first.locator("td").nth(4)).to_have_text("5 h", timeout=15_000)
    page.keyboard.press("Escape")
    expect(button).to_be_focused()


def test_a_new_job_leaves_the_focus_on_the_log_of_another(visit, web):
    web("POST", "vms", json={"name": "older"})
    page = visit()
    rows = page.locator("#jobs tr")
    log = rows.filter(has_text="older").first.get_by_role("link", name="log")
    log.focus()
    web("POST", "vms", json={"name": "newer"})
    expect(rows.first).to_contain_text("newer", timeout=15_000)
    expect(log).to_be_focused()


def test_a_link_may_name_a_state_that_no_vm_has_yet(visit, change, make):
    page = visit(query="?state=failed")
    expect(page.locator("#position")).to_have_text("none")
    expect(page.locator("#state")).to_have_value("failed")
    change(aws=[make("broken", state="failed"), make("sound")])
    expect(page.locator("#vms tr")).to_have_count(1, timeout=15_000)
    expect(page.locator("#vms")).to_contain_text("broken")


def test_a_link_may_name_a_vm(visit):
    page = visit(query="?cloud=azure&name=db")
    expect(page.locator("#vms tr")).to_have_count(1)


def test_a_link_may_name_a_run(visit):
    page = visit(query="?run=vm_boot%2Fmanual__2026")
    expect(page.locator("#position")).to_have_text("1 to 2 of 2")


def test_the_keyboard_is_enough(visit):
    page = visit()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Boot VMs")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#boot")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#boot")).not_to_be_visible()
    expect(page.get_by_role("button", name="Boot VMs")).to_be_focused()


def test_on_a_phone_only_the_tables_are_wider_than_the_screen(visit):
    page = visit(viewport={"width": 360, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") == 360


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_scan_finds_nothing_serious(visit, scan, scheme):
    assert scan(visit(color_scheme=scheme, bypass_csp=True)) == []
