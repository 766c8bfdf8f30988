"""The real `cms` in a real process, and a server that speaks MongoDB's protocol."""

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pytest

from cloudmesh_engine import keys

from . import azure as arm
from . import gce, nova
from .azure import Azure
from .gce import Gce
from .nova import Nova
from .site import AzureSite, GoogleSite, OpenStackSite, Site

if TYPE_CHECKING:
    from .sshd import Sshd

# A shell in the background lets its children ignore SIGINT, and they theirs.
signal.signal(signal.SIGINT, signal.default_int_handler)

REPOSITORY = Path(__file__).parents[3]
STANDIN_PYTHON = os.environ.get("MONGO_STANDIN_PYTHON")
MOTO_SERVER = os.environ.get("MOTO_SERVER")
FAULTS = REPOSITORY / "sandbox/faults"
OWNER = nova.OWNER
# The template's image is a pattern; most tests name one image, so that the cloud needs no list.
SHIPPED_IMAGE = "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-*"
AMI = "ami-0c929bde1796e1484"
# A cloud of a kind that has no driver.
NIMBUS = "    nimbus: {cm: {active: false, kind: nimbus}, default: {image: x, size: x}}"

# Only AWS is, in tests that do not ask for another cloud.
ACTIVE = "active: {}\n        heading: {}\n"

# Seconds. Nothing decides a test by this; it ends one that would never end.
PATIENCE = 180
# What finds no MongoDB says so in seconds, also on a busy machine. pymongo alone waits for 30.
SOON = 25

# The cloud's secret key in every test; what is random stands nowhere by chance.
CANARY = f"canary/{secrets.token_hex(12)}"
PLANTED = {CANARY}

Result = subprocess.CompletedProcess[str]


@dataclass
class Cms:
    """A sandbox for `cms`: its own configuration, secrets, state and TMPDIR.

    :ivar patience: seconds that a command may take
    """

    root: Path
    environ: dict[str, str] = field(default_factory=dict)
    patience: int = PATIENCE

    @classmethod
    def make(cls, root: Path, mongo_port: int, password: str) -> "Cms":
        for name in ("secrets", "state", "tmp", "work", "home"):
            (root / name).mkdir()
        (root / "secrets/mongo_password").write_text(password + "\n")
        PLANTED.add(password)
        for name in ("cloudmesh.yaml", "prices.yaml"):
            text = (REPOSITORY / "config" / name).read_text()
            text = text.replace("sandbox-secret-key", CANARY).replace(SHIPPED_IMAGE, AMI)
            text = text.replace("    google:", f"{NIMBUS}\n    google:", 1)
            for heading in ("Azure", "Google"):
                text = text.replace(*(ACTIVE.format(word, heading) for word in ("true", "false")))
            (root / name).write_text(text)
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(root / "home"),
            "TMPDIR": str(root / "tmp"),
            "PYTHONPATH": str(REPOSITORY / "src"),
            "CLOUDMESH_CONFIG": str(root / "cloudmesh.yaml"),
            "CLOUDMESH_SECRETS_DIR": str(root / "secrets"),
            "CLOUDMESH_STATE_DIR": str(root / "state"),
            "CLOUDMESH_MONGO_HOST": "127.0.0.1",
            "CLOUDMESH_MONGO_PORT": str(mongo_port),
        }
        return cls(root, environ)

    def start(
        self, *words: str, to: str = "", pid: Path | None = None, **environ: str
    ) -> subprocess.Popen[str]:
        """Start a command.

        :param pid: where it says its process id before anything else, for whoever is to kill it
        """
        code = "from cloudmesh_engine.launcher import main; main()"
        if pid:
            say = f"pathlib.Path({str(pid)!r}).write_text(str(os.getpid()))"
            code = f"import os, pathlib; {say}; {code}"
        return subprocess.Popen(
            [sys.executable, "-c", code, *words],
            env={**self.environ, **environ},
            cwd=self.root / "work",
            stdin=subprocess.DEVNULL,
            stdout=os.open(to, os.O_WRONLY) if to else subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *words: str, **environ: str) -> Result:
        process = self.start(*words, **environ)
        stdout, stderr = process.communicate(timeout=self.patience)
        assert not planted_in(stdout + stderr)
        return subprocess.CompletedProcess(words, process.returncode, stdout, stderr)

    def catalogue(self, **patterns: str) -> None:
        """Let the cloud's section say what is listed."""
        section = "    aws: # the sandbox until you point it at the real thing\n"
        self.configure(section, f"{section}      catalog: {json.dumps(patterns)}\n")

    def configure(self, old: str, new: str) -> None:
        """Change the text of its cloudmesh.yaml."""
        file = self.root / "cloudmesh.yaml"
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))

    def leftovers(self) -> list[str]:
        return [path.name for path in (self.root / "tmp").iterdir()]

    def told_files(self) -> list[Path]:
        """The files outside its configuration that hold a secret."""
        places = [self.root / name for name in ("state", "tmp", "work", "home")]
        files = [file for place in places for file in place.rglob("*") if file.is_file()]
        return [file for file in files if planted_in(file.read_text(errors="replace"))]


def planted_in(text: str) -> list[str]:
    """The secrets of the tests that a text holds."""
    # A copy: the watcher of the process list asks while a test plants another.
    return [secret for secret in tuple(PLANTED) if secret in text]


def free_port() -> int:
    """A port that stays free: below those that the system gives to whoever asks for any."""
    while True:
        port = secrets.choice(range(20_000, 32_000))
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


def wait_until(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs the control plane: it is too heavy for one in each worker."""
    for item in items:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        if (
            "openstack" in getattr(item, "fixturenames", ())
            or parameters.get("site") == "openstack"
        ):
            item.add_marker("openstack")


@pytest.fixture(scope="session", autouse=True)
def no_secret_on_a_command_line() -> Iterator[None]:
    """Watch the process list while all tests run."""
    found: list[str] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.25):
            found.extend(line for line in command_lines() if planted_in(line))

    watcher = threading.Thread(target=watch)
    watcher.start()
    yield
    over.set()
    watcher.join()
    assert not found


def command_lines() -> Iterator[str]:
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            yield (process / "cmdline").read_text(errors="replace")


def processes(cms: Cms, *words: str) -> list[int]:
    """The processes of one sandbox whose command lines have these words."""
    own = f"CLOUDMESH_CONFIG={cms.root}/cloudmesh.yaml".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            said = (process / "cmdline").read_bytes().split(b"\0")
            variables = (process / "environ").read_bytes().split(b"\0")
            if own in variables and all(word.encode() in said for word in words):
                found.append(int(process.name))
    return found


@pytest.fixture
def cms(tmp_path: Path) -> Cms:
    """`cms` whose MongoDB is not there."""
    return Cms.make(tmp_path, free_port(), secrets.token_hex(12))


class Mongo:
    """A server of its own that can die and come back with its data."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.port = free_port()
        self.password = "p/" + secrets.token_hex(12) + "@%:"
        (root / "password").write_text(self.password)
        PLANTED.add(self.password)

    def start(self) -> None:
        script = str(REPOSITORY / "offline/mongo-standin")
        place = ["--host", "127.0.0.1", "--port", str(self.port), "--data", str(self.root)]
        self.process = subprocess.Popen(
            [str(STANDIN_PYTHON), script, *place],
            env={
                **os.environ,
                "MONGO_INITDB_ROOT_USERNAME": "cloudmesh",
                "MONGO_INITDB_ROOT_PASSWORD_FILE": str(self.root / "password"),
            },
            stderr=subprocess.DEVNULL,
        )
        wait_until(self.answers)

    def answers(self) -> bool:
        assert self.process.poll() is None, "the stand-in ended"
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(number)
        self.process.wait(PATIENCE)


@pytest.fixture(scope="session")
def mongo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mongo]:
    if not STANDIN_PYTHON:
        pytest.skip("MONGO_STANDIN_PYTHON is not set: a Python with mongoeco and pymongo")
    server = Mongo(tmp_path_factory.mktemp("mongo"))
    server.start()
    yield server
    server.end()


@pytest.fixture(scope="session")
def key_pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The appliance's key, made once because that may take a second."""
    directory = tmp_path_factory.mktemp("key") / "ssh"
    keys.ensure_key_pair(directory)
    return directory


@pytest.fixture
def cms_db(tmp_path: Path, mongo: Mongo, key_pair: Path) -> Iterator[Cms]:
    """`cms` with an empty database and the appliance's key."""
    cms = Cms.make(tmp_path, mongo.port, mongo.password)
    shutil.copytree(key_pair, tmp_path / "state/ssh")
    database = f"test_{secrets.token_hex(4)}"
    file = tmp_path / "cloudmesh.yaml"
    file.write_text(
        file.read_text().replace("MONGO_DBNAME: cloudmesh", f"MONGO_DBNAME: {database}")
    )
    yield cms
    assert cms.leftovers() == cms.told_files() == []


def http(method: str, address: str, content: Any = None) -> Any:
    body = None if content is None else json.dumps(content).encode()
    with urlopen(Request(address, body, method=method), timeout=PATIENCE) as reply:
        return json.loads(reply.read())


class Ec2:
    """The cloud itself, asked and changed past `cms`.

    VMs are written as words: `web` is ours and runs, `web/stopped` is ours and stopped,
    `~web` is somebody else's, `?` has no tag at all. Terminated ones are left out.
    """

    def __init__(self, address: str) -> None:
        import boto3

        self.address = address
        self.client = boto3.client(
            "ec2",
            region_name="us-east-1",
            endpoint_url=address,
            aws_access_key_id="sandbox-access-id",
            aws_secret_access_key="sandbox-secret-key",
        )

    def make(self, words: str) -> None:
        for word in words.split():
            name, _, state = word.partition("/")
            tags = {"Name": name.lstrip("~"), "cm-name": name.lstrip("~"), "cm-owner": OWNER}
            if name.startswith("~"):
                tags["cm-owner"] = "cm-somebody-else"
            pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
            tagged = [{"ResourceType": "instance", "Tags": pairs}]
            reply = self.client.run_instances(
                ImageId=AMI,
                InstanceType="t2.micro",
                KeyName="cloudmesh",
                MinCount=1,
                MaxCount=1,
                **({} if name == "?" else {"TagSpecifications": tagged}),
            )
            if state == "stopped":
                self.client.stop_instances(InstanceIds=[reply["Instances"][0]["InstanceId"]])

    def machine_ids(self) -> list[str]:
        return [instance["InstanceId"] for instance in self.instances()]

    def terminate(self, machine: str) -> None:
        self.client.terminate_instances(InstanceIds=[machine])

    def instances(self) -> list[dict[str, Any]]:
        reservations = self.client.describe_instances()["Reservations"]
        every = [instance for entry in reservations for instance in entry["Instances"]]
        return [one for one in every if one["State"]["Name"] not in ("terminated", "shutting-down")]

    def words(self) -> str:
        return " ".join(sorted(map(self.word, self.instances())))

    def groups(self, name: str) -> list[str]:
        """The rules of the security groups of that name."""
        filters = [{"Name": "group-name", "Values": [name]}]
        return [
            f"{rule['IpProtocol']} {rule['FromPort']}-{rule['ToPort']} {source['CidrIp']}"
            for group in self.client.describe_security_groups(Filters=filters)["SecurityGroups"]
            for rule in group["IpPermissions"]
            for source in rule["IpRanges"]
        ]

    def word(self, instance: dict[str, Any]) -> str:
        tags = {pair["Key"]: pair["Value"] for pair in instance.get("Tags", [])}
        mark = "" if tags.get("cm-owner") == OWNER else "~"
        name = mark + tags["Name"] if "Name" in tags else "?"
        state = instance["State"]["Name"]
        return name if state == "running" else f"{name}/{state}"


@contextlib.contextmanager
def running_moto(**environ: str) -> Iterator[Ec2]:
    """Run the sandbox's AWS."""
    if not MOTO_SERVER:
        pytest.skip("MOTO_SERVER is not set: the moto_server of an environment with moto")
    port = free_port()
    place = {"MOTO_SERVER": MOTO_SERVER, "SANDBOX_HOST": "127.0.0.1", "SANDBOX_AWS_PORT": str(port)}
    process = subprocess.Popen(
        [str(REPOSITORY / "sandbox/moto")],
        env={**os.environ, **place, **environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def answers() -> bool:
        assert process.poll() is None, "moto ended"
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    wait_until(answers)
    yield Ec2(f"http://127.0.0.1:{port}")
    process.kill()  # it would wait for our kept-alive connections
    process.wait(PATIENCE)


@pytest.fixture(scope="session")
def moto() -> Iterator[Ec2]:
    # Loading its list of images at every reset would take most of the time.
    with running_moto(MOTO_EC2_LOAD_DEFAULT_AMIS="false") as ec2:
        yield ec2


@pytest.fixture
def ec2(moto: Ec2) -> Ec2:
    """An empty cloud."""
    http("POST", f"{moto.address}/moto-api/reset")
    return moto


@pytest.fixture
def cms_aws(cms_db: Cms, ec2: Ec2) -> Cms:
    """`cms` with an empty cloud."""
    (cms_db.root / "state/owner").write_text(OWNER + "\n")
    cms_db.environ["CLOUDMESH_SANDBOX_AWS"] = ec2.address
    return cms_db


@dataclass
class Faults:
    """The strict proxy in front of the cloud."""

    address: str
    control: str

    def script(self, *rules: dict[str, Any]) -> None:
        http("PUT", f"{self.control}/script", list(rules))

    def launches(self) -> list[Any]:
        return http("GET", f"{self.control}/instances")

    def log(self) -> list[dict[str, Any]]:
        return http("GET", f"{self.control}/log")

    def actions(self) -> list[str]:
        return [entry["action"] for entry in self.log()]


@pytest.fixture(scope="session")
def proxy(moto: Ec2) -> Iterator[Faults]:
    yield from proxied(moto.address)


def proxied(upstream: str, *more: str) -> Iterator[Faults]:
    words = ["--port", "0", "--control-port", "0", "--upstream", upstream, *more]
    process = subprocess.Popen([sys.executable, FAULTS, *words], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    told = process.stdout.readline().replace(",", " ").split()
    yield Faults(*[word for word in told if word.startswith("http")])
    process.terminate()
    process.wait(PATIENCE)
    process.stdout.close()


@pytest.fixture
def faults(proxy: Faults, cms_aws: Cms) -> Iterator[Faults]:
    """`cms_aws` talks to the cloud through this."""
    for part in ("script", "instances", "log"):
        http("DELETE", f"{proxy.control}/{part}")
    cms_aws.environ["CLOUDMESH_SANDBOX_AWS"] = proxy.address
    yield proxy
    assert not planted_in(json.dumps(http("GET", f"{proxy.control}/log")))


@pytest.fixture
def sshd(tmp_path: Path, cms_aws: Cms, key_pair: Path) -> Iterator["Sshd"]:
    """A real sshd for the addresses of VMs, and `cms_aws` that knows its port."""
    from . import sshd as server  # which needs this module

    made = server.make(tmp_path / "sshd", key_pair / "id_rsa.pub")
    server.configure(cms_aws, made)
    with made.running():
        yield made


@pytest.fixture(scope="session")
def openstack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nova]:
    root = tmp_path_factory.mktemp("openstack")
    with (root / "log").open("w") as log:
        yield from nova.serve(root, log)


@pytest.fixture(scope="session")
def nova_proxy(openstack: Nova) -> Iterator[Faults]:
    yield from proxied(openstack.nova_url.removesuffix("/v2.1"), "--api", "rest")


@pytest.fixture
def project(openstack: Nova) -> Nova:
    """An empty project of a real OpenStack."""
    openstack.clear()
    return openstack


@pytest.fixture
def cms_openstack(cms_db: Cms, project: Nova) -> Cms:
    """`cms` whose default cloud is OpenStack."""
    (cms_db.root / "state/owner").write_text(OWNER + "\n")
    cms_db.environ["CLOUDMESH_SANDBOX_OPENSTACK"] = project.address
    cms_db.configure("    cloud: aws", "    cloud: chameleon")
    return cms_db


@pytest.fixture
def nova_faults(nova_proxy: Faults, cms_openstack: Cms) -> Faults:
    """`cms_openstack` talks to Nova through this."""
    for part in ("script", "log"):
        http("DELETE", f"{nova_proxy.control}/{part}")
    region = "        region_name: KVM@TACC\n"
    place = f"        compute_endpoint_override: {nova_proxy.address}/v2.1\n"
    cms_openstack.configure(region, region + place)
    return nova_proxy


@pytest.fixture(scope="session")
def fake_azure() -> Iterator[str]:
    yield from arm.serve()


@pytest.fixture(scope="session")
def azure_proxy(fake_azure: str) -> Iterator[Faults]:
    yield from proxied(fake_azure, "--api", "azure")


@pytest.fixture
def azure(fake_azure: str) -> Azure:
    """An empty subscription of the sandbox's Azure."""
    cloud = Azure(fake_azure, CANARY)
    cloud.reset()
    return cloud


@pytest.fixture
def cms_azure(cms_db: Cms, azure: Azure) -> Cms:
    """`cms` whose default cloud is Azure."""
    (cms_db.root / "state/owner").write_text(OWNER + "\n")
    cms_db.environ["CLOUDMESH_SANDBOX_AZURE_VM"] = azure.address
    cms_db.configure("    cloud: aws", "    cloud: azure")
    cms_db.configure(*(ACTIVE.format(word, "AWS") for word in ("true", "false")))
    cms_db.configure(*(ACTIVE.format(word, "Azure") for word in ("false", "true")))
    return cms_db


@pytest.fixture
def azure_faults(azure_proxy: Faults, cms_azure: Cms) -> Faults:
    """`cms_azure` talks to the cloud through this."""
    for part in ("script", "log"):
        http("DELETE", f"{azure_proxy.control}/{part}")
    cms_azure.environ["CLOUDMESH_SANDBOX_AZURE_VM"] = azure_proxy.address
    return azure_proxy


@pytest.fixture(scope="session")
def google() -> Iterator[Gce]:
    yield from gce.serve()


@pytest.fixture(scope="session")
def google_proxy(google: Gce) -> Iterator[Faults]:
    yield from proxied(google.address, "--api", "rest")


@pytest.fixture
def google_project(google: Gce) -> Gce:
    """An empty project of the sandbox's Google."""
    google.forget()
    return google


@pytest.fixture
def cms_google(cms_db: Cms, google_project: Gce) -> Cms:
    """`cms` whose default cloud is Google."""
    (cms_db.root / "state/owner").write_text(OWNER + "\n")
    cms_db.environ["CLOUDMESH_SANDBOX_GOOGLE"] = google_project.address
    cms_db.configure("    cloud: aws", "    cloud: google")
    return cms_db


@pytest.fixture
def google_faults(google_proxy: Faults, cms_google: Cms) -> Faults:
    """`cms_google` talks to Google through this."""
    for part in ("script", "log"):
        http("DELETE", f"{google_proxy.control}/{part}")
    cms_google.environ["CLOUDMESH_SANDBOX_GOOGLE"] = google_proxy.address
    return google_proxy


@pytest.fixture(params=["aws", "azure", "google", "openstack"])
def site(request: pytest.FixtureRequest) -> Site:
    """Every cloud in turn."""
    use = request.getfixturevalue
    if request.param == "aws":
        return Site(use("cms_aws"), use("ec2"), use("faults"))
    if request.param == "azure":
        return AzureSite(use("cms_azure"), use("azure"), use("azure_faults"))
    if request.param == "google":
        return GoogleSite(use("cms_google"), use("google_project"), use("google_faults"))
    return OpenStackSite(use("cms_openstack"), use("project"), use("nova_faults"))
