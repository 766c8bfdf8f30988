"""A fleet on all four clouds at once: what is true of each, the cloud itself is asked."""

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from .conftest import on_all, put, wait_until

SCHEDULE = """\
schedules:
  desk:
    timezone: UTC
    weekdays: mon-sun
    start: "{start:%H:%M}"
    stop: "{stop:%H:%M}"
    vms: {{names: [clerk]}}
"""
HALF_A_DAY = timedelta(hours=12)
WRONG = ("AZURE_SECRET_KEY: sandbox-secret-key", "AZURE_SECRET_KEY: another")
PASSWORD = """\
          username: cloudmesh
          password: sandbox-password
          project_name: cloudmesh
          user_domain_name: Default
"""


def test_office_hours_reach_all_clouds_and_a_login_that_fails_hinders_no_other(
    stack, fleet, trigger
):
    # Keystone refuses a moment that has passed by the time it looks; long over when it is needed.
    expired = fleet["chameleon"].credential(seconds=30)
    on_all(lambda name: stack.cms("vm", "boot", f"--cloud={name}", "--name=clerk,guest"), fleet)
    with office(stack) as soon:
        # It counts from here on.
        stack.cms("fleet", "hours", "apply")
        soon("stop")
        trigger("office_hours").ends()
        assert clerks(fleet) == dict.fromkeys(fleet, "stopped")

        wait_until(lambda: not fleet["chameleon"].admits(*expired), "the credential expires")
        with stack.configured(WRONG, (PASSWORD, credential(*expired))):
            soon("start")
            run = trigger("office_hours")
            run.ends("failed")
            assert clerks(fleet) == {
                "aws": "running", "azure": "stopped", "chameleon": "stopped", "google": "running",
            }  # fmt: skip
            said = "\n".join(run.said())
            assert "cms: azure: " in said
            assert "AZURE_SECRET_KEY" in said
            assert "cms: chameleon: " in said
            assert "whether the application credential has expired" in said

        trigger("office_hours").ends()
        assert clerks(fleet) == dict.fromkeys(fleet, "running")


@contextmanager
def office(stack):
    """Office hours that last for hours, and what lets them end or begin soon."""
    file = stack.config / "office-hours.yaml"
    shipped = file.read_text()

    def lasting(start, stop):
        put(file, SCHEDULE.format(start=start, stop=stop))

    def soon(change):
        # The opposite is half a day away, however long the machine takes for what follows.
        moment = (datetime.now(UTC) + timedelta(minutes=1)).replace(second=0, microsecond=0)
        lasting(**dict.fromkeys(("start", "stop"), moment + HALF_A_DAY) | {change: moment})
        wait_until(lambda: datetime.now(UTC) >= moment, f"it is {moment:%H:%M}")

    try:
        lasting(datetime.now(UTC) - HALF_A_DAY / 2, datetime.now(UTC) + HALF_A_DAY / 2)
        yield soon
    finally:
        put(file, shipped)


def clerks(fleet):
    """Give the state of the clerk of each cloud; the guests run."""
    states = {}
    for name, cloud in fleet.items():
        (_, states[name]), guest = cloud.vms()
        assert guest == ("guest", "running"), name
    return states


def credential(number, secret):
    """Write an application credential as cloudmesh.yaml has it."""
    kind = "          application_credential"
    return f"{kind}_id: {number}\n{kind}_secret: {secret}\n"
