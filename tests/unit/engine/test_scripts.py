"""Scripts written for Cloudmesh, as real processes in an environment like the image's."""

import ast
import json
import secrets
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import cloudmesh.compute.vm
import cloudmesh.mongo
import pytest

from .conftest import AMI, CANARY, OWNER, PATIENCE, REPOSITORY, Cms, Ec2, Faults, Result
from .sshd import Sshd

Run = Callable[..., Result]


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment as an editable install leaves it, beside upstream's packages."""
    folder = tmp_path_factory.mktemp("scripts") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (site,) = folder.glob("lib/python3*/site-packages")
    upstream = Path(next(iter(cloudmesh.mongo.__path__))).parents[1]
    (site / "a-upstream.pth").write_text(f"import site; site.addsitedir({str(upstream)!r})\n")
    (site / "b-source.pth").write_text(f"{REPOSITORY / 'src'}\n")
    shutil.copy(REPOSITORY / "src/cloudmesh-airflow.pth", site)
    return folder / "bin/python"


def runner(cms: Cms, python: Path) -> Run:
    def run(text: str, **environ: str) -> Result:
        script = cms.root / f"work/script-{secrets.token_hex(4)}.py"
        script.write_text(textwrap.dedent(text))
        environ = {**cms.environ, **environ, "PYTHONWARNINGS": "ignore"}
        environ.pop("PYTHONPATH")
        return subprocess.run(
            [python, script],
            env=environ,
            cwd=cms.root / "work",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    return run


@pytest.fixture
def run(cms_aws: Cms, python: Path) -> Run:
    return runner(cms_aws, python)


@pytest.fixture
def run_alone(cms: Cms, python: Path) -> Run:
    return runner(cms, python)


def result(done: Result) -> dict:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_names_are_ours(run_alone: Run) -> None:
    done = run_alone(
        """
        import json, sys
        from cloudmesh.compute.vm.Provider import Provider
        from cloudmesh.mongo.CmDatabase import CmDatabase
        from cloudmesh.configuration.Config import Active, Config
        from cloudmesh.common.Shell import Shell
        print(json.dumps({
            "provider": Provider.__module__, "database": CmDatabase.__module__,
            "load": Config.load.__module__, "cms": Shell.cms.__module__,
            "sdks": sorted({"boto3", "openstack"} & set(sys.modules)),
        }))
        """
    )
    assert result(done) == {
        "provider": "cloudmesh_engine.entry.provider",
        "database": "cloudmesh_engine.entry.database",
        "load": "cloudmesh_engine.entry.configuration",
        "cms": "cloudmesh_engine.entry.shell",
        "sdks": [],
    }


def test_the_finder_imports_nothing_until_it_is_asked(python: Path, cms: Cms) -> None:
    code = "import sys; print(*sorted(n for n in sys.modules if n.startswith('cloudmesh_engine')))"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [
        "cloudmesh_engine", "cloudmesh_engine.entry", "cloudmesh_engine.entry.finder",
    ]  # fmt: skip


def methods(file: Path, name: str) -> set[str]:
    tree = ast.parse(file.read_text())
    (cls,) = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name]
    found = {node.name for node in cls.body if isinstance(node, ast.FunctionDef)}
    return {one for one in found if not one.startswith("_")}


@pytest.mark.parametrize(
    ("package", "name", "bases"),
    [
        (cloudmesh.compute.vm, "Provider", ["provider.Provider", "offerings.Offerings"]),
        (cloudmesh.mongo, "CmDatabase", ["database.CmDatabase"]),
    ],
)
def test_every_method_of_upstream_is_there(package, name: str, bases: list[str]) -> None:
    theirs = methods(Path(next(iter(package.__path__))) / f"{name}.py", name)
    ours: set[str] = set()
    for base in bases:
        module, _, cls = base.partition(".")
        ours |= methods(REPOSITORY / f"src/cloudmesh_engine/entry/{module}.py", cls)
    assert len(theirs) > 20
    assert theirs - ours == set()


def test_the_life_of_a_vm(run: Run, ec2: Ec2) -> None:
    done = run(
        """
        import json
        from cloudmesh.common.Shell import Shell
        from cloudmesh.compute.vm.Provider import Provider
        from cloudmesh.configuration.Config import Config
        from cloudmesh.mongo.CmDatabase import CmDatabase

        cloud = Config()["cloudmesh.default.cloud"]
        provider = Provider(name=cloud)
        told = {}
        (vm,) = provider.create(name="web", size="t2.micro", group="blue", timeout=60)
        told["created"] = [vm["cm"]["name"], vm["cm"]["kind"], vm["cm"]["group"], vm["status"]]
        told["again"] = provider.create(name="web")[0]["instance_id"] == vm["instance_id"]
        told["wait"] = provider.wait(vm=vm, interval=1, timeout=30)
        told["status"] = provider.status(name="web")
        told["stop"] = provider.stop(name="web")[0]["status"]
        told["start"] = provider.start(name="web")[0]["status"]
        told["reboot"] = provider.reboot(name=["web"])[0]["status"]
        (now,) = provider.info(name="web")
        told["info"] = now["instance_id"] == vm["instance_id"]
        told["ip"] = provider.get_public_ip(name="web") in now["public_ips"]
        told["list"] = [entry["name"] for entry in provider.list()]
        cm = CmDatabase()
        told["found"] = cm.find_name("web", kind="vm")[0]["cm"]["cloud"]
        told["names"] = cm.names(cloud=cloud, kind="vm", regex="^we")
        told["cms"] = json.loads(Shell.cms("vm list --output=json"))[0]["name"]
        told["more"] = [entry["name"] for entry in provider.create(name="db[1-2]")]
        told["gone"] = provider.destroy(name="web,db1")[0]["status"]
        told["left"] = cm.names(cloud=cloud, kind="vm")
        print(json.dumps(told))
        """
    )
    assert result(done) == {
        "created": ["web", "vm", "blue", "running"],
        "again": True,
        "wait": True,
        "status": [
            {"name": "web", "status": "running", "status:": "running", "cm.status": "running"}
        ],
        "stop": "stopped",
        "start": "running",
        "reboot": "running",
        "info": True,
        "ip": True,
        "list": ["web"],
        "found": "aws",
        "names": ["web"],
        "cms": "web",
        "more": ["db1", "db2"],
        "gone": "terminated",
        "left": ["db2"],
    }
    assert ec2.words() == "db2"


def test_eight_scripts_at_once_boot_one_vm(run: Run, faults: Faults, ec2: Ec2) -> None:
    from concurrent.futures import ThreadPoolExecutor

    script = """
        from cloudmesh.compute.vm.Provider import Provider
        print(Provider(name="aws").create(name="web")[0]["instance_id"])
        """
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: run(script), range(8)))
    assert [one.returncode for one in done] == [0] * 8, done
    assert len({one.stdout for one in done}) == 1
    assert ec2.words() == "web"


def test_a_lost_reply_does_not_make_a_second_vm(run: Run, faults: Faults, ec2: Ec2) -> None:
    faults.script({"action": "RunInstances", "fault": "lose-reply"})
    done = run(
        """
        from cloudmesh.compute.vm.Provider import Provider
        Provider(name="aws").create(name="web")
        """
    )
    assert done.returncode == 0, done.stderr
    assert (ec2.words(), len(faults.launches())) == ("web", 1)


def test_a_script_logs_in_to_vms(cms_aws: Cms, run: Run, ec2: Ec2, sshd: Sshd) -> None:
    ec2.make("web db")
    sshd.stand_for(ec2)
    done = run(
        """
        import json
        from cloudmesh.compute.vm.Provider import Provider
        from cloudmesh_engine.errors import EngineError

        provider = Provider(name="aws")
        (vm,) = provider.info(name="web")
        told = {"vm": provider.ssh(vm=vm, command="echo out; echo err >&2")}
        told["names"] = provider.ssh(vm="db,web", command='echo "$0" | wc -l').split()
        for key, arguments in {
            "failed": {"vm": vm, "command": "exit 3"},
            "terminal": {"vm": vm},
            "nameless": {"command": "true"},
        }.items():
            try:
                provider.ssh(**arguments)
            except EngineError as error:
                told[key] = str(error)
        print(json.dumps(told))
        """
    )
    assert result(done) == {
        "vm": "out\n",
        "names": ["1", "1"],
        "failed": "web: the command ended with exit code 3",
        "terminal": "ssh: a script has no terminal: give a command",
        "nameless": "aws: name the VM: none is ever guessed",
    }
    assert done.stdout.count("\n") == 1
    assert len(list((cms_aws.root / "state/ssh/known_hosts").rglob("i-*"))) == 2


def test_a_script_changes_a_vm(run: Run, ec2: Ec2) -> None:
    ec2.make("web")
    done = run(
        """
        import json
        from cloudmesh.compute.vm.Provider import Provider

        provider = Provider(name="aws")
        told = {"renamed": provider.rename(source="web", destination="www")[0]["name"]}
        provider.set_server_metadata("www", color="blue", size=3)
        told["tags"] = provider.get_server_metadata("www")
        provider.delete_server_metadata("www", "color")
        told["left"] = provider.get_server_metadata("www")
        (vm,) = provider.attach_public_ip(name="www")
        (told["address"],) = vm["public_ips"]
        told["shown"] = [provider.get_public_ip(name="www"), *provider.list_public_ips()]
        told["console"] = provider.console(vm="www") == provider.log(vm=vm) != ""
        (new,) = provider.create(name="new", metadata={"a": "b=c"})
        told["new"] = provider.get_server_metadata("new")
        print(json.dumps(told))
        """
    )
    told = result(done)
    names = [told[key].pop("cm")["name"] for key in ("tags", "left", "new")]
    assert (told["renamed"], names) == ("www", ["www", "www", "new"])
    assert told["tags"] == {"color": "blue", "size": "3"}
    assert (told["left"], told["new"]) == ({"size": "3"}, {"a": "b=c"})
    assert told["console"]
    assert ec2.words() == "new www"
    (address,) = ec2.client.describe_addresses()["Addresses"]
    assert [told["address"]] * 2 == told["shown"]
    assert address["PublicIp"] == told["address"]
    done = run(
        """
        from cloudmesh.compute.vm.Provider import Provider
        print(Provider(name="aws").detach_public_ip(name="www")[0]["public_ips"])
        """
    )
    assert (done.returncode, ec2.client.describe_addresses()["Addresses"]) == (0, []), done.stderr
    assert told["address"] not in done.stdout


def test_keys_images_flavors_and_groups(cms_aws: Cms, run: Run, ec2: Ec2) -> None:
    cms_aws.catalogue(flavors="t2.*")
    cms_aws("key", "add")
    cms_aws("sec", "load")
    done = run(
        """
        import json
        from cloudmesh.compute.vm.Provider import Provider
        from cloudmesh.mongo.CmDatabase import CmDatabase

        provider = Provider(name="aws")
        cm = CmDatabase()
        told = {}
        (key,) = cm.find(collection="local-key")
        provider.key_upload(key)
        told["keys"] = [(k["name"], k["cm"]["kind"]) for k in provider.keys()]
        provider.key_delete(key["name"])
        told["no keys"] = provider.keys()
        told["flavor"] = provider.flavors(name="t2.micro")[0]["cm"]["kind"]
        all = provider.flavors()
        told["kept"] = len(all) == len(cm.find(cloud="aws", kind="flavor")) > 0
        told["image"] = isinstance(provider.images(), list)
        provider.upload_secgroup("flask")
        provider.add_secgroup_rule(name="flask", port="9000:9001", protocol="tcp",
                                   ip_range="10.0.0.0/8")
        told["rules"] = sorted(
            [r["FromPort"], r["ToPort"], r["IpProtocol"], r["ipRange"]]
            for r in provider.list_secgroup_rules("flask"))
        provider.add_secgroup(name="other", description="mine")
        told["groups"] = sorted(g["name"] for g in provider.list_secgroups())
        provider.remove_secgroup(name="other")
        told["left"] = sorted(g["name"] for g in provider.list_secgroups())
        print(json.dumps(told))
        """
    )
    told = result(done)
    assert told["keys"] == [["cloudmesh", "key"]]
    assert told["no keys"] == []
    assert (told["flavor"], told["kept"], told["image"]) == ("flavor", True, True)
    everywhere = "0.0.0.0/0"
    assert told["rules"] == sorted(
        [
            ["22", "22", "tcp", everywhere], ["80", "80", "tcp", everywhere],
            ["443", "443", "tcp", everywhere], ["8000", "8000", "tcp", everywhere],
            ["", "", "icmp", everywhere], ["9000", "9001", "tcp", "10.0.0.0/8"],
        ]
    )  # fmt: skip
    assert told["groups"] == ["default", "flask", "other"]
    assert told["left"] == ["default", "flask"]


def test_documents_can_be_stored_found_and_deleted(run: Run) -> None:
    done = run(
        """
        import json
        from cloudmesh.mongo.CmDatabase import CmDatabase
        from cloudmesh.mongo.DataBaseDecorator import DatabaseUpdate

        def entry(name, **values):
            cm = {"cloud": "lab", "kind": "thing", "name": name, "group": "blue"}
            return {"cm": cm, "name": name, **values}

        class Things:
            @DatabaseUpdate()
            def make(self):
                return [entry("b", size=2), entry("c", size=3)]

        cm = CmDatabase()
        CmDatabase.UPDATE(entry("a", size=1), progress=False)
        Things().make()
        cm.update([entry("a", size=10)])
        told = {"a": cm.find_name("a")[0]["size"]}
        told["names"] = sorted(cm.names(collection="lab-thing"))
        told["query"] = [e["name"] for e in cm.find(cloud="lab", kind="thing", query={"size": 3})]
        told["group"] = len(cm.find_group("blue"))
        told["several"] = [e["name"] for e in cm.find_names("a,c")]
        told["collections"] = cm.collections(regex="lab-.*")
        told["exists"] = cm.exists([entry("a"), entry("z")])
        cm.alter([entry("b", size=20)])
        told["altered"] = cm.find(collection="lab-thing", query={"name": "b"})[0]["size"]
        told["deleted"] = cm.delete(collection="lab-thing", name="a")
        cm.clear(collection="lab-thing")
        told["left"] = cm.names(collection="lab-thing")
        print(json.dumps(told))
        """
    )
    assert result(done) == {
        "a": 10, "names": ["a", "b", "c"], "query": ["c"], "group": 3, "several": ["a", "c"],
        "collections": ["lab-thing"], "exists": [True, False], "altered": 20, "deleted": 1,
        "left": [],
    }  # fmt: skip


def test_the_configuration_is_what_cms_reads(cms: Cms, run_alone: Run) -> None:
    secret = (cms.root / "secrets/mongo_password").read_text().strip()
    done = run_alone(
        """
        import json
        from cloudmesh.configuration.Config import Active, Config
        config = Config()
        told = {
            "image": config["cloudmesh.cloud.aws.default.image"],
            "get": config.get("cloudmesh.no.such", default="else"),
            "region": config.credentials("cloud", "aws")["region"],
            "cloud": config.default()["cloud"], "user": config.user,
            "active": Active().clouds(), "password": config["cloudmesh.data.mongo.MONGO_PASSWORD"],
            "shown": str(config) + Config.cat(),
        }
        try:
            config["cloudmesh.default.cloud"] = "azure"
        except NotImplementedError as error:
            told["set"] = str(error)
        print(json.dumps(told))
        """
    )
    told = result(done)
    assert (told["image"], told["get"], told["region"]) == (AMI, "else", "us-east-1")
    assert (told["cloud"], told["user"], told["active"]) == ("aws", "cloudmesh", ["aws"])
    assert told["password"] == secret
    assert secret not in told["shown"]
    assert "read-only here" in told["set"]
    assert [path for path in (cms.root / "home").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("line", "kind", "message"),
    [
        ("Provider(name='nosuch')", "ValueError", "no such cloud"),
        ("Provider(name='nimbus')", "NotImplementedError", "not supported yet"),
        ("aws.suspend(name='web')", "NotImplementedError", "use stop"),
        ("aws.create_public_ip()", "NotImplementedError", "attach_public_ip"),
        ("aws.create(name='web', disk=3)", "NotImplementedError", "disk"),
        ("aws.create(name='web', image='ami-x', cloud='azure')", "EngineError", "of aws"),
        ("aws.stop(name='nosuch')", "EngineError", "no VM named nosuch"),
        ("aws.destroy()", "EngineError", "none is ever guessed"),
        ("aws.destroy(name='foreign')", "EngineError", "not booted by this appliance"),
        ("aws.create(name='foreign; id')", "EngineError", "is no name"),
        ("aws.images(owner='x')", "NotImplementedError", "only by name"),
        ("aws.remove_secgroup(name='default')", "EngineError", "not made by this appliance"),
    ],
)
def test_what_cannot_be_done_raises(run: Run, ec2: Ec2, line: str, kind: str, message: str) -> None:
    ec2.make("~foreign")
    done = run(
        f"""
        from cloudmesh.compute.vm.Provider import Provider
        from cloudmesh_engine.errors import EngineError
        aws = Provider(name="aws")
        try:
            {line}
        except {kind} as error:
            print(error)
        """
    )
    assert done.returncode == 0, done.stderr
    assert message in done.stdout
    assert CANARY not in done.stdout + done.stderr
    assert ec2.words() == "~foreign"


def test_a_failure_of_cms_raises_in_a_script(run_alone: Run) -> None:
    done = run_alone(
        """
        from cloudmesh.common.Shell import Shell
        print(Shell.run("echo plain"), end="")
        print(Shell.cms("config value profile.user"), end="")
        try:
            Shell.cms("vm list")
        except RuntimeError as error:
            print(error)
        """
    )
    assert done.stdout.splitlines()[:2] == ["plain", "cloudmesh"]
    assert done.stdout.splitlines()[2].startswith("4 cms: MongoDB at")


@pytest.mark.parametrize("output", ["table", "json", "yaml", "csv"])
def test_print_writes_every_format(run: Run, ec2: Ec2, output: str) -> None:
    ec2.make("web")
    done = run(
        f"""
        from cloudmesh.compute.vm.Provider import Provider
        provider = Provider(name="aws")
        provider.Print(provider.list(), output={output!r}, kind="vm")
        """
    )
    assert done.returncode == 0, done.stderr
    assert "web" in done.stdout
    assert OWNER in done.stdout or output == "table"
