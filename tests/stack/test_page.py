"""The page Clouds on the running stack, as a person uses it; pictures of each step are kept."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from ..browser import chromium
from ..browser.chromium import keep, log_in
from .conftest import put

# A job is a run of a DAG, which a busy machine may let wait.
PATIENCE = 300_000
OURS = "/cloudmesh/ui/"
SCHEDULE = """\
schedules:
  desk:
    timezone: UTC
    weekdays: mon-sun
    start: "{start:%H:%M}"
    stop: "{stop:%H:%M}"
    vms: {{names: [desk-*]}}
"""

browser = chromium.browser


@pytest.fixture
def office(stack):
    """Office hours that began six hours ago and last six more."""
    file, now = stack.config / "office-hours.yaml", datetime.now(UTC)
    shipped = file.read_text()
    around = {"start": now - timedelta(hours=6), "stop": now + timedelta(hours=6)}
    put(file, SCHEDULE.format(**around))
    yield
    put(file, shipped)


@pytest.fixture
def file(stack):
    """A file in S3, and a container in Azure that it can be moved to."""
    for service in ("aws", "azure"):
        stack.cms("storage", f"--storage={service}", "create", "dir", "/")
    made = stack.execute("worker", "sh", "-c", "echo found > /tmp/report.csv")
    assert made.returncode == 0, made.stderr
    stack.cms("storage", "--storage=aws", "put", "/tmp/report.csv", "desk/report.csv")


@pytest.fixture
def page(browser):
    """A window; what a script of ours complains of fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    page, errors = context.new_page(), list[str]()
    page.on("pageerror", lambda error: OURS in str(error.stack) and errors.append(str(error)))
    yield page
    keep(page, "stack-end", whole=False)
    context.close()
    assert not errors


def test_a_person_boots_stops_moves_snoozes_and_reads_a_log(
    stack, cloud, trigger, office, file, page
):
    clouds = log_in(page, stack.url, stack.secret("admin_password"))
    boot(clouds)
    keep(page, "stack-1-booted", whole=False)
    assert sorted(cloud.instances().values()) == [("desk-0", "running"), ("desk-1", "running")]

    press(clouds, "Stop desk-0")
    clouds.get_by_role("button", name="Yes").click()
    expect(vm(clouds, "desk-0")).to_contain_text("stopped", timeout=PATIENCE)
    assert sorted(cloud.instances().values()) == [("desk-0", "stopped"), ("desk-1", "running")]
    keep(page, "stack-2-stopped", whole=False)

    move(clouds)
    keep(page, "stack-3-moved", whole=False)
    assert "in/report.csv" in stack.cms("storage", "--storage=azure", "list", "in/")

    # It runs by itself as well, but only every five minutes.
    trigger("office_hours").ends()
    snooze(clouds)
    keep(page, "stack-4-snoozed", whole=False)

    clouds.locator("#jobs tr", has_text="snooze").get_by_role("link", name="log").first.click()
    expect(page).to_have_url(re.compile(r"/dags/vm_snooze/runs/"))
    # The square in the grid: the task's name beside it leads to the task of all runs.
    page.locator("a[href*='/runs/'][href$='/tasks/snooze']").first.click()
    expect(page.get_by_text("desk-1").first).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text("fleet hours snooze").first).to_be_visible()


def boot(clouds):
    press(clouds, "Boot VMs")
    form = clouds.locator("#boot")
    form.get_by_label("How many").fill("2")
    form.get_by_label("Name").fill("desk")
    form.get_by_role("button", name="Boot", exact=True).click()
    for name in ("desk-0", "desk-1"):
        expect(vm(clouds, name)).to_contain_text("running", timeout=PATIENCE)


def move(clouds):
    clouds.locator("#store").select_option("aws")
    # Nobody has looked into the folder yet, so opening it looks into it.
    for name in ("Look", "desk/", "Copy report.csv"):
        press(clouds, name)
    form = clouds.locator("#transfer")
    form.get_by_label("To store").select_option("azure")
    form.get_by_label("To path").fill("in/report.csv")
    form.get_by_role("button", name="Copy", exact=True).click()
    transfer = clouds.locator("#transfers tr", has_text="azure:in/report.csv")
    expect(transfer).to_contain_text("done", timeout=PATIENCE)


def snooze(clouds):
    press(clouds, "Snooze desk-1")
    form = clouds.locator("#snooze")
    form.get_by_label("Until").fill("4h")
    form.get_by_role("button", name="Snooze", exact=True).click()
    expect(clouds.locator("#snoozed")).to_contain_text("desk-1 on aws", timeout=PATIENCE)


def press(clouds, name):
    clouds.get_by_role("button", name=name, exact=True).click()


def vm(clouds, name):
    return clouds.locator("#vms tr", has_text=name)
