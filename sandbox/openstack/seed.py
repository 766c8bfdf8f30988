"""What a user finds in the sandbox: an account, images, flavors, a network, as on Chameleon."""

import sqlite3

from layout import ADMIN_PASSWORD, LOOPBACK, REGION, TYPES, Layout

USER = PROJECT = "cloudmesh"
# Dummies that open nothing but the sandbox, as in docs/sandbox.md.
PASSWORD = "sandbox-password"  # noqa: S105
CREDENTIAL_ID = "c10d3e5400000000000000000000cafe"
CREDENTIAL_SECRET = "sandbox-application-credential-secret"  # noqa: S105
# Their content is never run: nothing boots here.
IMAGES = ("CC-Ubuntu24.04", "CC-Ubuntu22.04", "Featured-Ubuntu24")
# Name, cores, megabytes, gigabytes of disk.
FLAVORS = (
    ("m1.tiny", 1, 512, 1),
    ("m1.small", 1, 2048, 20),
    ("m1.medium", 2, 4096, 40),
    ("m1.large", 4, 8192, 40),
    ("m1.xlarge", 8, 16384, 40),
    ("m3.tiny", 1, 3072, 20),
    ("m3.small", 2, 6144, 20),
)
NETWORK, EXTERNAL = "sharednet1", "public"
# Kept free for documentation (RFC 5737): nobody answers there.
PUBLIC_RANGE, PRIVATE_RANGE = "203.0.113.0/24", "10.52.0.0/22"


def plant(layout: Layout) -> None:
    """Add everything, through the services' own interfaces."""
    _catalogue(_connect(layout, "admin", ADMIN_PASSWORD, "admin"), layout)
    # Again, because a connection reads the catalogue once.
    admin = _connect(layout, "admin", ADMIN_PASSWORD, "admin")
    _account(admin)
    _images(admin)
    for name, cores, memory, disk in FLAVORS:
        admin.compute.create_flavor(name=name, vcpus=cores, ram=memory, disk=disk)
    _network(admin)
    user = _connect(layout, USER, PASSWORD, PROJECT)
    user.identity.create_application_credential(
        user.current_user_id, "cloudmesh", secret=CREDENTIAL_SECRET
    )


def name_application_credential(layout: Layout) -> None:
    """Give it the documented id, which Keystone lets nobody choose."""
    connection = sqlite3.connect(layout.data / "keystone.db")
    with connection:
        connection.execute("UPDATE application_credential SET id = ?", (CREDENTIAL_ID,))
    connection.close()


def _connect(layout: Layout, user: str, password: str, project: str):  # type: ignore[no-untyped-def]
    import openstack

    return openstack.connect(
        auth_url=layout.url("keystone") + "/v3",
        username=user,
        password=password,
        project_name=project,
        user_domain_name="Default",
        project_domain_name="Default",
        region_name=REGION,
    )


def _catalogue(admin, layout: Layout) -> None:  # type: ignore[no-untyped-def]
    for service, (kind, path) in TYPES.items():
        if kind == "identity":
            continue
        made = admin.identity.create_service(name=service, type=kind)
        for interface in ("public", "internal"):
            admin.identity.create_endpoint(
                service_id=made.id,
                interface=interface,
                url=layout.url(service, LOOPBACK) + path,
                region_id=REGION,
            )
    # Without it Neutron takes no token of Nova's.
    role = admin.identity.find_role("service") or admin.identity.create_role(name="service")
    project = admin.identity.find_project("admin")
    admin.identity.assign_project_role_to_user(project, admin.current_user_id, role)


def _account(admin) -> None:  # type: ignore[no-untyped-def]
    project = admin.identity.create_project(name=PROJECT, domain_id="default")
    user = admin.identity.create_user(
        name=USER, password=PASSWORD, domain_id="default", default_project_id=project.id
    )
    for name in ("member", "reader"):
        role = admin.identity.find_role(name)
        admin.identity.assign_project_role_to_user(project, user, role)


def _images(admin) -> None:  # type: ignore[no-untyped-def]
    for name in IMAGES:
        admin.image.create_image(
            name=name,
            data=b"\0" * 65536,
            disk_format="raw",
            container_format="bare",
            visibility="public",
            wait=True,
        )


def _network(admin) -> None:  # type: ignore[no-untyped-def]
    # As a new OpenStack has it: out to everywhere, in from nowhere.
    for ethertype in ("IPv4", "IPv6"):
        admin.network.create_default_security_group_rule(
            direction="egress",
            ethertype=ethertype,
            used_in_default_sg=True,
            used_in_non_default_sg=True,
        )
    external = admin.network.create_network(
        name=EXTERNAL,
        is_router_external=True,
        provider_network_type="flat",
        provider_physical_network="public",
    )
    admin.network.create_subnet(
        name=EXTERNAL, network_id=external.id, ip_version=4, cidr=PUBLIC_RANGE, enable_dhcp=False
    )
    network = admin.network.create_network(name=NETWORK, is_shared=True)
    subnet = admin.network.create_subnet(
        name=NETWORK, network_id=network.id, ip_version=4, cidr=PRIVATE_RANGE
    )
    router = admin.network.create_router(
        name=NETWORK, external_gateway_info={"network_id": external.id}
    )
    admin.network.add_interface_to_router(router, subnet_id=subnet.id)
