"""The reaper as a service: a real process, whose clouds, MongoDB and configuration break."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from ..conftest import PATIENCE, REPOSITORY, Cms, Ec2, free_port, processes, wait_until

PAST = (datetime.now(UTC) - timedelta(hours=1)).isoformat()


class Service:
    """`cms fleet reap --watch`, and its health check."""

    def __init__(self, cms: Cms) -> None:
        self.cms = cms
        self.process: subprocess.Popen[str] | None = None
        self.said: list[str] = []

    def says(self, text: str) -> None:
        """Read what it says, until it says that."""
        assert self.process
        assert self.process.stderr
        for line in self.process.stderr:
            self.said.append(line.rstrip())
            if text in line:
                return
        pytest.fail(f"it ended without {text}")

    def start(self, **environ: str) -> None:
        self.process = self.cms.start("fleet", "reap", "--watch", **environ)

    def end(self) -> None:
        """End it."""
        assert self.process
        assert self.process.poll() is None
        self.process.terminate()
        self.said += self.process.communicate(timeout=PATIENCE)[1].splitlines()
        self.process = None
        # A look that it was at is told to end as well, and clears up a moment longer.
        wait_until(lambda: not processes(self.cms, "fleet", "reap"))

    def problem(self) -> str:
        """What the health check says; nothing if it is content."""
        done = subprocess.run(
            [sys.executable, "-m", "cloudmesh_engine.reaping.health"],
            env=self.cms.environ,
            cwd=self.cms.root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert bool(done.returncode) == bool(done.stderr)
        return done.stderr


@pytest.fixture
def service(cms_aws: Cms) -> Iterator[Service]:
    cms_aws.configure("  reaper:", "  reaper:\n    every_minutes: 0.02")
    made = Service(cms_aws)
    yield made
    if made.process:
        made.end()


def late(ec2: Ec2, name: str) -> None:
    """Make a VM that is past its deadline."""
    ec2.make(name)
    ec2.client.create_tags(
        Resources=ec2.machine_ids(), Tags=[{"Key": "cm-deadline", "Value": PAST}]
    )


def test_it_goes_on_whatever_breaks(service: Service, cms_aws: Cms, ec2: Ec2) -> None:
    assert "has not begun" in service.problem()
    late(ec2, "old1")
    service.start(CLOUDMESH_MONGO_PORT=str(free_port()))
    service.says("aws: deleted vm old1")
    assert ec2.words() == ""
    assert service.problem() == ""

    file = cms_aws.root / "cloudmesh.yaml"
    good = file.read_text()
    file.write_text("cloudmesh: [")
    wait_until(lambda: "not valid YAML" in service.problem())
    file.write_text(good)
    wait_until(lambda: service.problem() == "")

    late(ec2, "old2")
    service.says("aws: deleted vm old2")
    assert ec2.words() == ""
    service.end()
    said = service.said
    assert "reaper: looks every 1.2 s" in said[0]
    assert [line.split("reaper: ")[1].split(" (")[0] for line in said if "deleted" in line] == [
        "aws: deleted vm old1", "aws: deleted vm old2",
    ]  # fmt: skip
    # What goes on is said once; after the configuration was mended it is news again.
    assert len([line for line in said if "aws: MongoDB at" in line]) <= 4
    assert len([line for line in said if "not valid YAML" in line]) == 1


def test_after_a_complaint_it_looks_again_soon(service: Service, cms_aws: Cms, ec2: Ec2) -> None:
    cms_aws.configure("every_minutes: 0.02", "every_minutes: 15")
    asked = "endpoint: ${CLOUDMESH_SANDBOX_AWS"
    cms_aws.configure(asked, "endpoint: ${NOT_THERE_YET:-http://127.0.0.1:9} # ")
    late(ec2, "old")
    service.start()
    service.says("reaper: aws: ")
    cms_aws.configure("endpoint: ${NOT_THERE_YET:-http://127.0.0.1:9} # ", asked)
    # Long before the quarter of an hour is over, which would be too long for this test.
    service.says("aws: deleted vm old")
    service.says("all is well again")
    assert ec2.words() == ""


def test_it_leaves_no_process_when_it_ends(service: Service, ec2: Ec2) -> None:
    late(ec2, "old")
    service.start()
    wait_until(lambda: ec2.words() == "")
    assert processes(service.cms, "fleet", "reap")
    service.end()
    assert not processes(service.cms, "fleet", "reap", "--yes")


def test_one_that_stands_still_is_not_healthy(service: Service) -> None:
    (service.cms.root / "state/reaper.json").write_text('{"until": 1000, "trouble": ""}')
    assert "s late" in service.problem()


def test_the_health_check_is_light() -> None:
    code = (
        "import sys, cloudmesh_engine.reaping.health;"
        "print({'pymongo', 'boto3', 'botocore'} & {*sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(REPOSITORY / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "set()\n"
