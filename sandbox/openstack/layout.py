"""Where the services listen and keep their things, and what they are told: their configuration."""

import base64
import configparser
import os
import sys
from dataclasses import dataclass
from pathlib import Path

# In the order of their ports.
SERVICES = ("keystone", "placement", "glance", "neutron", "nova")
TYPES = {
    "keystone": ("identity", "/v3"),
    "placement": ("placement", ""),
    "glance": ("image", ""),
    "neutron": ("network", ""),
    "nova": ("compute", "/v2.1"),
}
DATABASES = ("keystone", "placement", "glance", "neutron", "nova_api", "nova_cell0", "nova")
# Chameleon's, so that its section of cloudmesh.yaml fits.
REGION = "KVM@TACC"
# Dummies that open nothing but the sandbox, as in docs/sandbox.md.
ADMIN_PASSWORD = "sandbox-admin-password"  # noqa: S105
LOOPBACK = "127.0.0.1"

Sections = dict[str, dict[str, object]]


@dataclass(frozen=True)
class Layout:
    """One sandbox.

    :param host: the address that the services listen on
    :param address: the name or address by which clients come, which the catalogue tells them
    :param port: Keystone's; the other services have the next four
    """

    data: Path
    host: str = LOOPBACK
    address: str = LOOPBACK
    port: int = 5000

    def port_of(self, service: str) -> int:
        """Give the port of a service."""
        return self.port + SERVICES.index(service)

    def url(self, service: str, address: str = LOOPBACK) -> str:
        """Give the address of a service; without another one, that for its neighbours."""
        return f"http://{address}:{self.port_of(service)}"

    def config(self, service: str) -> Path:
        """Give a service's configuration file, which each looks for by its own name."""
        return self.data / ("glance-api.conf" if service == "glance" else f"{service}.conf")

    def environment(self) -> dict[str, str]:
        """Give the variables by which the services find their configuration."""
        paste = Path(sys.prefix) / "etc/nova/api-paste.ini"
        return {
            **os.environ,
            "OS_KEYSTONE_CONFIG_FILES": str(self.config("keystone")),
            "OS_PLACEMENT_CONFIG_DIR": str(self.data),
            "OS_GLANCE_CONFIG_DIR": str(self.data),
            "OS_NEUTRON_CONFIG_FILES": str(self.config("neutron")),
            "OS_NOVA_CONFIG_FILES": f"{paste};{self.config('nova')}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONWARNINGS": "ignore",
        }

    def write(self) -> None:
        """Write everything that depends on this start: configuration and Keystone's keys."""
        sections = {
            "keystone": self._keystone(),
            "placement": self._placement(),
            "glance": self._glance(),
            "neutron": self._neutron(),
            "nova": self._nova(),
        }
        for service, content in sections.items():
            self._save(self.config(service), content)
        for folder in ("fernet-keys", "credential-keys"):
            keys = self.data / folder
            keys.mkdir(mode=0o700, exist_ok=True)
            for number in ("0", "1"):
                (keys / number).write_bytes(base64.urlsafe_b64encode(os.urandom(32)))
        for folder in ("images", "staging", "locks", "nova-state"):
            (self.data / folder).mkdir(exist_ok=True)

    def database(self, name: str) -> str:
        """Give the address of a database."""
        return f"sqlite:///{self.data}/{name}.db"

    def _save(self, file: Path, content: Sections) -> None:
        parser = configparser.RawConfigParser(default_section="no default section")
        parser.read_dict(content)
        with file.open("w") as stream:
            parser.write(stream)

    def _login(self) -> dict[str, object]:
        return {
            "auth_type": "password",
            "auth_url": f"{self.url('keystone')}/v3",
            "username": "admin",
            "password": ADMIN_PASSWORD,
            "project_name": "admin",
            "user_domain_name": "Default",
            "project_domain_name": "Default",
            "region_name": REGION,
        }

    def _checking_tokens(self) -> dict[str, object]:
        return {
            **self._login(),
            "www_authenticate_uri": f"{self.url('keystone', self.address)}/v3",
            "interface": "internal",
            "service_token_roles_required": True,
        }

    def _neighbour(self) -> dict[str, object]:
        return {**self._login(), "valid_interfaces": "internal"}

    def _common(self, database: str) -> Sections:
        return {
            "DEFAULT": {"transport_url": "fake://", "host": "sandbox"},
            "database": {"connection": self.database(database)},
            "keystone_authtoken": self._checking_tokens(),
            "oslo_concurrency": {"lock_path": self.data / "locks"},
        }

    def _keystone(self) -> Sections:
        return {
            "DEFAULT": {"public_endpoint": self.url("keystone", self.address)},
            "database": {"connection": self.database("keystone")},
            "fernet_tokens": {"key_repository": self.data / "fernet-keys"},
            "fernet_receipts": {"key_repository": self.data / "fernet-keys"},
            "credential": {"key_repository": self.data / "credential-keys"},
            # The passwords are no secrets: let logins be quick. Without the second line, which is
            # what bcrypt can take, each login writes a warning.
            "identity": {"password_hash_rounds": 4, "max_password_length": 72},
        }

    def _placement(self) -> Sections:
        return {
            "api": {"auth_strategy": "keystone"},
            "keystone_authtoken": self._checking_tokens(),
            "placement_database": {"connection": self.database("placement")},
        }

    def _glance(self) -> Sections:
        paste = Path(sys.prefix) / "etc/glance/glance-api-paste.ini"
        common = self._common("glance")
        common["DEFAULT"] |= {
            "enabled_backends": "file:file",
            "enabled_import_methods": "[]",
            "worker_self_reference_url": self.url("glance"),
        }
        return {
            **common,
            "glance_store": {"default_backend": "file"},
            "file": {"filesystem_store_datadir": self.data / "images"},
            "os_glance_staging_store": {"filesystem_store_datadir": self.data / "staging"},
            "os_glance_tasks_store": {"filesystem_store_datadir": self.data / "staging"},
            "paste_deploy": {"flavor": "keystone", "config_file": paste},
        }

    def _neutron(self) -> Sections:
        common = self._common("neutron")
        common["DEFAULT"] |= {
            "core_plugin": "ml2",
            "service_plugins": "router",
            "api_paste_config": Path(sys.prefix) / "etc/neutron/api-paste.ini",
            "state_path": self.data,
            "dhcp_agent_notification": False,
        }
        return {
            **common,
            "ml2": {
                "type_drivers": "local,flat",
                "tenant_network_types": "local",
                "mechanism_drivers": "alwaysbind",
                "extension_drivers": "port_security",
            },
            "ml2_type_flat": {"flat_networks": "*"},
            # Nova hears of a floating IP through this.
            "nova": {**self._login(), "endpoint_type": "internal"},
            "quotas": {"quota_security_group": 100, "quota_floatingip": 50},
        }

    def _nova(self) -> Sections:
        common = self._common("nova")
        common["DEFAULT"] |= {
            "compute_driver": "fake.FakeDriverWithoutFakeNodes",
            "concurrency_backend": "threading",
            "allow_resize_to_same_host": True,
            "state_path": self.data / "nova-state",
            "vif_plugging_is_fatal": False,
            "vif_plugging_timeout": 0,
            "periodic_fuzzy_delay": 0,
        }
        return {
            **common,
            "api_database": {"connection": self.database("nova_api")},
            "glance": {"api_servers": self.url("glance")},
            "neutron": self._neighbour(),
            "placement": self._neighbour(),
            "service_user": {**self._login(), "send_service_user_token": True},
            "quota": {"instances": 100, "cores": 400, "ram": -1, "key_pairs": 100},
        }
