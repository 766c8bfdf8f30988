"""The compose files: what a user gets, read as data."""

import re
from pathlib import Path, PurePosixPath

import pytest
import yaml

ROOT = Path(__file__).parents[3]
OFFICIAL = {"postgres", "redis", "mongo"}
VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


class Loader(yaml.SafeLoader):
    """Knows compose's own tags."""


Loader.add_constructor("!reset", lambda loader, node: loader.construct_sequence(node))


def load(name: str) -> dict:
    return yaml.load((ROOT / name).read_text(), Loader)


COMPOSE = load("docker-compose.yaml")
OFFLINE = load("docker-compose.offline.yaml")
SERVICES = COMPOSE["services"]
LONG_RUNNING = sorted(set(SERVICES) - {"prepare", "init"})


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_service_is_confined(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["pids_limit"]
    assert service["mem_limit"]
    assert service["cpus"]
    assert service["logging"]["options"]["max-size"]
    if name != "prepare":
        assert service["user"] == "${CLOUDMESH_UID:-50000}:0"
        assert "cap_add" not in service


def test_only_prepare_is_root_and_it_has_no_network():
    assert SERVICES["prepare"]["network_mode"] == "none"
    assert SERVICES["prepare"]["cap_add"] == ["CHOWN"]


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_every_long_running_service_is_watched(name):
    service = SERVICES[name]
    assert service["restart"] == "on-failure:5"
    assert service["healthcheck"]["test"]


@pytest.mark.parametrize("name", sorted(OFFICIAL))
def test_official_images_are_pinned_to_a_patch_release(name):
    assert re.fullmatch(rf"{name}:\d+\.\d+(\.\d+)?", SERVICES[name]["image"])


def test_a_worker_holds_no_key_to_airflow():
    worker = SERVICES["worker"]
    assert set(worker["secrets"]) == {
        "api_secret_key",
        "celery_broker_url",
        "celery_result_backend",
        "mongo_password",
        "mongo_reader_password",
    }
    assert not re.search("SQL_ALCHEMY|FERNET|JWT", str(worker["environment"]))
    assert "metadata" not in worker["networks"]
    assert [name for name in SERVICES if "session_key" in SERVICES[name].get("secrets", ())] == [
        "webserver"
    ]


def test_the_reaper_knows_nothing_of_airflow_and_waits_for_nobody():
    reaper = SERVICES["reaper"]
    assert set(reaper["secrets"]) == {"mongo_password"}
    assert "AIRFLOW" not in str(reaper["environment"])
    assert set(reaper["networks"]) == {"inventory", "tasks"}
    assert "depends_on" not in reaper
    assert "ports" not in reaper
    worker = {mount["target"]: mount for mount in mounts(SERVICES["worker"])}
    assert mounts(reaper) == [worker["/config"], worker["/var/lib/cloudmesh"]]


@pytest.mark.parametrize("name", ["triggerer", "webserver"])
def test_who_shows_or_awaits_vms_may_only_read_the_inventory(name):
    service = SERVICES[name]
    assert "mongo_reader_password" in service["secrets"]
    assert "mongo_password" not in service["secrets"]
    assert "inventory" in service["networks"]
    source = (ROOT / "scripts/mongo-reader.js").read_text()
    assert re.findall(r'role: "(\w+)", db: "(\w+)"', source) == [("read", "cloudmesh")]


def test_secrets_reach_the_services_as_files_only():
    for service in SERVICES.values():
        for name, value in (service.get("environment") or {}).items():
            if re.search("PASSWORD|SECRET|KEY|CONN|URL_CMD|BACKEND|AUTH", str(name)):
                assert "/run/secrets/" in value, name


def test_the_databases_have_no_way_out_and_no_port():
    for network in ("metadata", "broker", "inventory"):
        assert COMPOSE["networks"][network]["internal"] is True
    for name in OFFICIAL:
        assert "ports" not in SERVICES[name]
        assert "tasks" not in SERVICES[name]["networks"]


def test_ports_are_bound_to_this_machine_by_default():
    for service in SERVICES.values():
        for port in service.get("ports", ()):
            assert port.startswith("${CLOUDMESH_BIND:-127.0.0.1}:")


def test_tasks_give_way_to_what_people_wait_for():
    shares = {name: service.get("cpu_shares", 1024) for name, service in SERVICES.items()}
    batch = {"worker", "dag-processor"}
    for name in ("webserver", "scheduler", *OFFICIAL):
        assert all(shares[name] >= 4 * shares[one] for one in batch), name


def mounts(service: dict) -> list[dict]:
    return [mount for mount in service.get("volumes", ()) if isinstance(mount, dict)]


def test_nothing_writable_lies_below_the_config_mount():
    config = PurePosixPath("/config")
    (mounted,) = [m for m in mounts(SERVICES["worker"]) if m["target"] == str(config)]
    assert mounted["read_only"] is True
    for service in SERVICES.values():
        writable = [m["target"] for m in mounts(service) if not m.get("read_only")]
        writable += [entry.split(":")[0] for entry in service.get("tmpfs", ())]
        for path in writable:
            assert config not in (PurePosixPath(path), *PurePosixPath(path).parents)


def test_mongo_keeps_its_data_in_a_volume_of_its_own():
    volumes = [m for m in mounts(SERVICES["mongo"]) if m["type"] == "volume"]
    assert [m["source"] for m in volumes] == ["mongo"]
    users = [n for n, s in SERVICES.items() if any(m["source"] == "mongo" for m in mounts(s))]
    assert sorted(users) == ["mongo", "prepare"]


def test_a_missing_file_is_an_error_not_a_new_folder():
    for service in SERVICES.values():
        for mount in mounts(service):
            if mount["type"] == "bind":
                assert mount["bind"]["create_host_path"] is False


def test_offline_changes_images_only():
    assert set(OFFLINE["services"]) == {"prepare", *OFFICIAL}
    for name in OFFICIAL:
        assert "-standin:" in OFFLINE["services"][name]["image"]
        assert not {"ports", "networks", "environment", "secrets"} & set(OFFLINE["services"][name])


def test_the_example_env_names_every_variable_with_its_default():
    text = (ROOT / "docker-compose.yaml").read_text() + (
        ROOT / "docker-compose.offline.yaml"
    ).read_text()
    used = dict(VARIABLE.findall(text))
    example = dict(
        line.split("=", 1)
        for line in (ROOT / ".env.example").read_text().splitlines()
        if re.match(r"\w+=", line)
    )
    extra = {"COMPOSE_PROFILES", "CLOUDMESH_MIN_MEMORY_MB"}
    assert set(example) - extra == set(used)
    assert {name: example[name] for name in used} == used
