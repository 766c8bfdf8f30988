"""The truth table of `cms vm`, for every cloud: exit code, stderr, what the cloud holds then."""

import re
import shlex
from dataclasses import dataclass

import pytest

from .site import ALL, INSTANCES, AzureSite, GoogleSite, OpenStackSite, Site


@dataclass(frozen=True)
class Case:
    """One row, in the words of EC2; the cloud before and after is written as `Ec2` says.

    :param fault: what the proxy answers to every call of an action
    """

    command: str
    code: int
    says: str = ""
    given: str = ""
    leaves: str = ""
    fault: tuple[str, int, str] | None = None


WRONG_USAGE = [
    Case("", 2, "wrong usage"),
    Case("frobnicate", 2, "wrong usage"),
    Case("list --output=nope", 2, "use table, json, yaml or csv"),
    Case("boot --output=nope", 2, "use table, json, yaml or csv"),
    Case("boot --n=0", 2, "--n=0: give a number"),
    Case("boot --n=many", 2, "--n=many: give a number"),
    Case("boot --name=a,b --n=2", 2, "give one --name"),
    Case("boot --name=web --deadline=soon", 2, "--deadline=soon: no time"),
    Case("boot --name='a b'", 2, "is no name"),
    Case("boot --name=web[1-", 2, "--name: web"),
    Case("boot --name='$(id)'", 2, "is no name"),
    Case("boot --name=web --cloud=nosuch", 2, "nosuch: no such cloud: .*aws, azure, chameleon"),
    Case("boot --name=web --cloud=aws,azure", 2, "give one cloud"),
    Case("boot --name=web --cloud=nimbus", 3, "not supported yet .* use one of aws"),
    Case("list --cloud=nosuch", 2, "no such cloud"),
    Case("list --refresh --cloud=nimbus", 3, "not supported yet .* use one of aws"),
    Case("wait web --timeout=soon", 2, "not a number of seconds"),
    Case("wait web --timeout=nan", 2, "--timeout=nan: not a number of seconds"),
    Case("wait web --timeout=inf", 2, "--timeout=inf: not a number of seconds"),
    Case("wait web --interval=-1", 2, "--interval=-1: not a number of seconds, 0 or more"),
    Case("username 'a b' web", 2, "is no login name"),
]
BOOT = [
    Case("boot --name=web", 0, leaves="web"),
    Case("boot --name=web[1-3]", 0, leaves="web1 web2 web3"),
    Case("boot --n=2", 0, leaves="vm-1 vm-2"),
    Case("boot --n=2", 0, given="vm-1", leaves="vm-1 vm-2 vm-3"),
    Case("boot --n=2 --name=web", 0, leaves="web-0 web-1"),
    Case("boot --name=web", 0, given="web", leaves="web"),
    Case("boot --name=web", 0, given="web/stopped", leaves="web"),
    Case("boot --name=web", 0, given="? ~web", leaves="? web ~web"),
    Case("boot --name=web --flavor=t2.large", 5, "flavor is t2.micro", "web", "web"),
    Case("boot --name=web --image=ami-1", 5, "image is ami-0c", "web", "web"),
    Case("boot --name=web", 5, "2 VMs on aws are named web: i-", "web web", "web web"),
    Case("boot --name=web --image=nosuch", 1, "no image 'nosuch'"),
    Case("boot --name=web --secgroup=nosuch", 1, "no security group 'nosuch'"),
    Case("boot --name=web --key=nosuch", 1, "no key named 'nosuch': add it"),
    Case("boot --name=web --dryrun", 0),
    Case("boot --name=web --dryrun", 0, given="web/stopped", leaves="web/stopped"),
    Case("boot --name=web --dryrun --flavor=x", 5, "flavor is t2.micro", "web", "web"),
]
ACT = [
    Case("stop web", 0, given="web db", leaves="db web/stopped"),
    Case("stop web", 0, given="web/stopped", leaves="web/stopped"),
    Case("stop web,db", 0, given="web db", leaves="db/stopped web/stopped"),
    Case("stop web --dryrun", 0, given="web", leaves="web"),
    Case("stop", 5, "name the VMs", "web", "web"),
    Case("stop nosuch", 1, "no VM named nosuch on aws", "web", "web"),
    Case("stop web", 5, "not booted by this appliance", "~web", "~web"),
    Case("start web", 0, given="web/stopped", leaves="web"),
    Case("start web", 0, given="web", leaves="web"),
    Case("start web --dryrun", 0, given="web/stopped", leaves="web/stopped"),
    Case("start", 5, "name the VMs"),
    Case("start nosuch", 1, "no VM named nosuch"),
    Case("start web", 5, "not booted by this", "~web/stopped", "~web/stopped"),
    Case("reboot web", 0, given="web", leaves="web"),
    Case("reboot web", 1, "is stopped: use cms vm start", "web/stopped", "web/stopped"),
    Case("reboot web", 5, "not booted by this appliance", "~web", "~web"),
    Case("reboot", 5, "name the VMs"),
    Case("delete web", 0, given="web ? db", leaves="? db"),
    Case("terminate web", 0, given="web/stopped db", leaves="db"),
    Case("delete web", 0, given="web web", leaves=""),
    Case("delete web", 0, given="web ~web", leaves="~web"),
    Case("delete web --dryrun", 0, given="web", leaves="web"),
    Case("delete web,nosuch", 1, "no VM named nosuch", "web db", "db"),
    Case("delete nosuch", 1, "no VM named nosuch", "?", "?"),
    Case("delete web", 5, "not booted by this appliance", "~web", "~web"),
    Case("delete nosuch --missing-ok", 0, "^cms: note: no VM named nosuch on aws$", "?", "?"),
    Case("delete web,nosuch --missing-ok", 0, "no VM named nosuch", "web db", "db"),
    Case("terminate nosuch --missing-ok", 0, "no VM named nosuch"),
    Case("delete web --missing-ok", 5, "not booted by this appliance", "~web", "~web"),
    Case("delete --missing-ok", 5, "name the VMs", "web", "web"),
    Case("delete nosuch --missing-ok --dryrun", 0, "no VM named nosuch", "web", "web"),
    Case("stop nosuch --missing-ok", 2, "wrong usage"),
    Case("delete", 5, "name the VMs", "web", "web"),
    Case("username admin web", 0, given="web", leaves="web"),
    Case("username admin nosuch", 1, "no VM named nosuch"),
]
LOOK = [
    Case("list", 0, given="web", leaves="web"),
    Case("list --refresh", 0, given="web ? ~db", leaves="? web ~db"),
    Case("list nosuch", 1, "no VM named nosuch"),
    Case("status web", 0, given="web", leaves="web"),
    Case("status nosuch", 1, "no VM named nosuch"),
    Case("info web", 0, given="web", leaves="web"),
    Case("check web --ip=127.0.0.9", 1, "web: .* refused: is port 22 open", "web", "web"),
    Case("check nosuch", 1, "no VM named nosuch"),
    Case("check web", 5, "not booted by this appliance", "~web", "~web"),
    Case("check web", 1, "is stopped: use cms vm start", "web/stopped", "web/stopped"),
    Case("wait web", 0, given="web", leaves="web"),
    Case("wait web --timeout=1", 1, "is stopped and not running", "web/stopped", "web/stopped"),
    Case("wait nosuch", 1, "no VM named nosuch"),
    Case("ip show web --refresh", 0, given="web", leaves="web"),
    Case("ip show nosuch", 1, "no VM named nosuch"),
]
NO_LOGIN = [
    Case("ssh web --command=true", 1, "is stopped: use cms vm start", "web/stopped", "web/stopped"),
    Case("ssh web --command=true", 5, "not booted by this appliance", "~web", "~web"),
    Case("ssh web --command=true --ip=127.0.0.9", 1, "web: .* refused", "web", "web"),
    Case("ssh web --command=true --cloud=nimbus", 3, "not supported yet .* use one of aws"),
    Case("ssh nosuch --command=true", 1, "no VM named nosuch on aws"),
    Case("ssh --command=true", 1, "no VM on aws: boot one", "? ~web", "? ~web"),
    Case("ssh --command=true --ip=127.0.0.9", 5, "no VM of ours on aws has that", "web", "web"),
    Case("ssh web,db", 2, "several VMs: give --command", "web db", "db web"),
    Case("ssh web,db --command=true --ip=127.0.0.9", 2, "name one", "web db", "db web"),
    Case("ssh web --command=true --ip=-oProxyCommand=x", 2, "not an address", "web", "web"),
    Case("ssh web --command=true --username=-x", 2, "is no login name", "web", "web"),
    Case("ssh web --command=true --key=/nosuch", 1, "no such key file: give", "web", "web"),
    Case("ssh web --command=", 2, "--command: is empty", "web", "web"),
    Case("put nosuch /tmp web", 1, "nosuch: no such file", "web", "web"),
    Case("put / /tmp", 5, "name the VMs"),
    Case("put / /tmp web", 5, "not booted by this appliance", "~web", "~web"),
    Case("put / /tmp web --ip=127.0.0.9", 1, "refused", "web", "web"),
    Case("get /x .", 5, "name the VMs"),
    Case("get /x . nosuch", 1, "no VM named nosuch"),
    Case("get /x . web", 1, "is stopped", "web/stopped", "web/stopped"),
    Case("script web nosuch.sh", 1, "nosuch.sh: No such file", "web", "web"),
    Case("script web /dev/null", 2, "is empty", "web", "web"),
    Case("script run.sh", 5, "name the VMs before the script"),
    Case("script web /etc/passwd", 5, "not booted by this appliance", "~web", "~web"),
    Case("ping web --ip=127.0.0.9", 1, "does not answer on port 22 of 127.0.0.9", "web", "web"),
    Case("ping web --count=0", 2, "--count=0: give a number", "web", "web"),
    Case("ping nosuch", 1, "no VM named nosuch"),
    Case("console web", 0, given="web", leaves="web"),
    Case("log", 0, given="web", leaves="web"),
    Case("console web,db", 2, "give one", "web db", "db web"),
    Case("console web", 5, "not booted by this appliance", "~web", "~web"),
    Case("log nosuch", 1, "no VM named nosuch"),
]
EDIT = [
    Case("rename web www", 0, given="web db", leaves="db www"),
    Case("rename web,db www,sql", 0, given="web db", leaves="sql www"),
    Case("rename web web", 0, given="web", leaves="web"),
    Case("rename web www --dryrun", 0, given="web", leaves="web"),
    Case("rename web www", 0, given="web ~www", leaves="www ~www"),
    Case("rename web db", 5, "db on aws is there already", "web db", "db web"),
    Case("rename web db --dryrun", 5, "db on aws is there already", "web db", "db web"),
    Case("rename web www", 5, "2 VMs on aws are named web", "web web", "web web"),
    Case("rename web www", 5, "not booted by this appliance", "~web", "~web"),
    Case("rename nosuch www", 1, "no VM named nosuch"),
    Case("rename web a,b", 2, "1 old names and 2 new ones", "web", "web"),
    Case("rename web 'a b'", 2, "is no name", "web", "web"),
    Case("rename web", 5, "give the old and the new names", "web", "web"),
    Case("resize web --size=t2.small", 0, given="web", leaves="web"),
    Case("resize web --size=t2.small", 0, given="web/stopped", leaves="web/stopped"),
    Case("resize web --size=t2.small --dryrun", 0, given="web", leaves="web"),
    Case("resize web --size=nosuch", 1, "give a --flavor|does not exist", "web", "web"),
    Case("resize web", 5, "give --size", "web", "web"),
    Case("resize --size=t2.small", 5, "name the VMs", "web", "web"),
    Case("resize web --size=t2.small", 5, "not booted by this appliance", "~web", "~web"),
    Case("meta list web", 0, given="web", leaves="web"),
    Case("meta set web a=b", 0, given="web", leaves="web"),
    Case("meta set web cm-owner=x", 5, "cm-owner: this tag is", "web", "web"),
    Case("meta set web Name=x", 5, "Name: this tag is", "web", "web"),
    Case("meta set web a", 2, "write KEY=VALUE", "web", "web"),
    Case("meta set a=b", 5, "name the VM", "web", "web"),
    Case("meta set web a=b", 5, "not booted by this appliance", "~web", "~web"),
    Case("meta delete web a", 0, given="web", leaves="web"),
    Case("meta delete web cm-name", 5, "cm-name: this tag is", "web", "web"),
    Case("meta delete web", 5, "name the VM", "web", "web"),
    Case("meta list nosuch", 1, "no VM named nosuch"),
]
ADDRESS = [
    Case("ip assign web", 0, given="web", leaves="web"),
    Case("ip assign web --dryrun", 0, given="web", leaves="web"),
    Case("ip assign", 5, "name the VMs", "web", "web"),
    Case("ip assign web", 5, "not booted by this appliance", "~web", "~web"),
    Case("ip unassign web", 3, "not from ip assign: stop the VM", "web", "web"),
    Case("ip unassign nosuch", 1, "no VM named nosuch"),
    Case("ip unassign", 5, "name the VMs"),
    Case("ip inventory --refresh", 0, given="web", leaves="web"),
    Case("ip inventory nosuch", 1, "no VM named nosuch"),
]
RUN, ASK, END = "RunInstances", "DescribeInstances", "TerminateInstances"
AWS_SAYS_NO = [
    Case("boot --name=web", 1, "ask AWS for a higher", fault=(RUN, 400, "InstanceLimitExceeded")),
    Case("boot --name=web", 1, "ask AWS for a higher", fault=(RUN, 400, "VcpuLimitExceeded")),
    Case("boot --name=web", 1, "give an --image", fault=(RUN, 400, "InvalidAMIID.NotFound")),
    Case("boot --name=web", 1, "give a --flavor", fault=(RUN, 400, "InvalidInstanceType")),
    Case("boot --name=web", 1, "give a --key", fault=(RUN, 400, "InvalidKeyPair.NotFound")),
    Case("boot --name=web", 4, "check EC2_ACCESS_ID", fault=(RUN, 403, "UnauthorizedOperation")),
    Case("boot --name=web", 4, "limits how often", fault=(RUN, 503, "RequestLimitExceeded")),
    Case("boot --name=web", 4, "try again later", fault=(RUN, 500, "InternalError")),
    Case("boot --name=web", 4, "check EC2_ACCESS_ID", fault=(ASK, 401, "AuthFailure")),
    Case("status web", 4, "limits how often", "web", "web", (ASK, 503, "RequestLimitExceeded")),
    Case("list --refresh", 4, "check EC2_ACCESS_ID", "web", "web", (ASK, 401, "AuthFailure")),
    Case("delete web", 4, "try again later", "web", "web", (END, 500, "InternalError")),
    Case("delete web --missing-ok", 4, "check EC2_ACCESS_ID", "web", "web",
         (ASK, 401, "AuthFailure")),
    Case("delete web", 1, "NotPermitted", "web", "web", (END, 400, "OperationNotPermitted")),
    Case("stop web", 1, "IncorrectInstanceState", "web", "web",
         ("StopInstances", 400, "IncorrectInstanceState")),
    Case("ip assign web", 1, "ask AWS for a higher", "web", "web",
         ("AllocateAddress", 400, "AddressLimitExceeded")),
    Case("resize web --size=t2.small", 1, "give a --flavor", "web", "web",
         ("ModifyInstanceAttribute", 400, "InvalidInstanceType")),
    Case("rename web www", 4, "check EC2_ACCESS_ID", "web", "web",
         ("CreateTags", 403, "UnauthorizedOperation")),
    Case("delete web", 4, "try again later", "web", "",
         ("DescribeAddresses", 500, "InternalError")),
]  # fmt: skip


CREATE = OpenStackSite.calls[RUN]
OPENSTACK_SAYS_NO = [
    Case("boot --name=web", 4, "site has a problem: try", fault=(CREATE, 500, "computeFault")),
    Case("boot --name=web", 4, "limits how often", fault=(CREATE, 429, "overLimit")),
    Case("boot --name=web", 4, "your role in the project", fault=(CREATE, 403, "forbidden")),
    Case("status web", 4, "limits how often", "web", "web",
         (OpenStackSite.calls[ASK], 429, "overLimit")),
    Case("delete web", 4, "try again later", "web", "web",
         (OpenStackSite.calls[END], 500, "computeFault")),
    Case("stop web", 1, "OpenStack: An error", "web", "web",
         ("POST /v2.1/servers/*/action", 409, "conflictingRequest")),
]  # fmt: skip
OPENSTACK = [
    Case("boot --name=web --flavor=nosuch", 1, "no flavor 'nosuch' on chameleon"),
    Case("boot --name=web --network=nosuch", 1, "0 networks 'nosuch'.* there is sharednet1"),
]

_AZURE = AzureSite.calls
AZURE_SAYS_NO = [
    Case("boot --name=web", 1, "ask Azure for a higher", fault=(_AZURE[RUN], 409, "QuotaExceeded")),
    Case(
        "boot --name=web",
        1,
        "try later, or another --flavor",
        fault=(_AZURE[RUN], 409, "SkuNotAvailable"),
    ),
    Case(
        "boot --name=web", 1, "give an --image", fault=(_AZURE[RUN], 404, "PlatformImageNotFound")
    ),
    Case(
        "boot --name=web",
        1,
        "of your organisation",
        fault=(_AZURE[RUN], 403, "RequestDisallowedByPolicy"),
    ),
    Case("boot --name=web", 4, "role Contributor", fault=(_AZURE[RUN], 403, "AuthorizationFailed")),
    Case("boot --name=web", 4, "limits how often", fault=(_AZURE[RUN], 429, "TooManyRequests")),
    Case("boot --name=web", 4, "try again later", fault=(_AZURE[RUN], 500, "InternalServerError")),
    Case(
        "boot --name=web",
        4,
        "check AZURE_TENANT_ID",
        fault=(_AZURE[ASK], 401, "AuthenticationFailed"),
    ),
    Case(
        "list --refresh --cloud=aws",
        4,
        "check AZURE_TENANT_ID",
        "web",
        "web",
        (_AZURE[ASK], 404, "SubscriptionNotFound"),
    ),
    Case("status web", 4, "limits how often", "web", "web", (_AZURE[ASK], 429, "TooManyRequests")),
    Case(
        "delete web", 4, "try again later", "web", "web", (_AZURE[END], 500, "InternalServerError")
    ),
    Case("delete web", 1, "ScopeLocked", "web", "web", (_AZURE[END], 409, "ScopeLocked")),
    Case(
        "stop web",
        1,
        "OperationNotAllowed",
        "web",
        "web",
        (f"POST {_AZURE[RUN][4:]}/deallocate", 409, "OperationNotAllowed"),
    ),
    Case(
        "start web",
        1,
        "try later, or another --flavor",
        "web/stopped",
        "web/stopped",
        (f"POST {_AZURE[RUN][4:]}/start", 409, "AllocationFailed"),
    ),
    Case(
        "ip assign web",
        1,
        "ask Azure for a higher",
        "web",
        "web",
        (_AZURE["CreateAddress"], 400, "PublicIPCountLimitReached"),
    ),
    Case(
        "rename web www",
        4,
        "role Contributor",
        "web",
        "web",
        (_AZURE["CreateTags"], 403, "AuthorizationFailed"),
    ),
]
AZURE = [
    Case("boot --name=web --flavor=nosuch", 1, "value nosuch .*: give a --flavor that Azure has"),
    Case("boot --name=web --network=nosuch", 1, "no network nosuch/cmsubnet on azure"),
    Case("boot --name=web --image=a:b:c:latest", 1, "no image 'a:b:c:latest' on azure"),
    Case("boot --name=web --image=Debian:debian-13:13-gen2:1", 1, "PlatformImageNotFound.*give an"),
    Case("boot --name=web --username=root", 1, "give another --username"),
    Case("boot --name=WEB", 0, given="web", leaves="WEB web"),
    Case("boot --name=a_b.c", 0, leaves="a_b.c"),
    Case("ip unassign web", 0, given="web db", leaves="db web"),
]

CREATE = GoogleSite.calls[RUN]
GOOGLE_SAYS_NO = [
    Case("boot --name=web", 4, "Google has a problem: try", fault=(CREATE, 500, "error")),
    Case("boot --name=web", 4, "limits how often", fault=(CREATE, 429, "error")),
    Case("boot --name=web", 4, "a role that allows it", fault=(CREATE, 403, "error")),
    Case("boot --name=web", 1, "Google: HTTP 400", fault=(CREATE, 400, "error")),
    Case("status web", 4, "check credentials", "web", "web",
         (GoogleSite.calls[ASK], 401, "error")),
    Case("delete web", 4, "try again later", "web", "web",
         (GoogleSite.calls[END], 503, "error")),
    Case("stop web", 1, "Google: HTTP 400", "web", "web",
         (f"POST {INSTANCES}/*/stop", 400, "error")),
    Case("rename web www", 4, "a role that allows it", "web", "web",
         (f"POST {INSTANCES}/*/setLabels", 403, "error")),
]  # fmt: skip
GOOGLE = [
    Case("boot --name=web --flavor=nosuch", 1, "give a --flavor that the zone has"),
    Case("boot --name=web --network=nosuch", 1, "give a --network that the region has"),
    Case("boot --name=web --flavor=a2-ultragpu-1g", 1, "another --flavor, or another zone"),
]


def tell(case: object) -> str:
    if not isinstance(case, Case):
        return str(case)
    fault = f" when {case.fault[0]} gives {case.fault[2]}" if case.fault else ""
    return f"{case.command} [{case.given}]{fault}"


EVERY = [*WRONG_USAGE, *BOOT, *ACT, *LOOK, *NO_LOGIN, *EDIT, *ADDRESS]
# Moto's VMs have an address from the beginning. test_openstack_changes.py has what OpenStack does.
ONLY_AWS = {"ip unassign web [web]"}
# About two clouds at once, or about VMs that have an address from the beginning.
NOT_AZURE = ONLY_AWS | {
    "boot --name=web --cloud=nosuch []",
    "boot --name=web --cloud=aws,azure []",
    "ssh web,db [web db]",
    "ssh web --command=true --username=-x [web]",
    "ssh web --command=true --key=/nosuch [web]",
    "ssh web --command= [web]",
}
# What a slow cloud is always asked: where its driver decides. Renaming and resizing, which take it
# longest, test_openstack_changes.py does.
SAMPLE = {
    "boot --name=web [web/stopped]",
    "boot --name=web [? ~web]",
    "boot --name=web --flavor=t2.large [web]",
    "boot --name=web --image=nosuch []",
    "boot --name=web --secgroup=nosuch []",
    "stop web,db [web db]",
    "reboot web [web]",
    "delete web [web web]",
    "delete web [~web]",
    "console web [web]",
    "meta set web a=b [web]",
}
ELSEWHERE = [case for case in EVERY if tell(case) not in ONLY_AWS and (ALL or tell(case) in SAMPLE)]
# What the cloud has a part in; the rest is the same for all of them.
ON_GOOGLE = [
    case
    for case in EVERY
    # Without a name of a cloud the active ones are asked, of which Google is none.
    if tell(case) not in ONLY_AWS | {"list --refresh [web ? ~db]", "ip inventory --refresh [web]"}
    and (ALL or case in [*BOOT, *ACT, *EDIT, *ADDRESS] or tell(case) in SAMPLE)
]
assert {tell(case) for case in EVERY} >= SAMPLE | ONLY_AWS | NOT_AZURE


def check(site: Site, case: Case) -> None:
    site.cloud.make(case.given)
    result = site.cms("vm", *shlex.split(site.say(case.command)))
    assert (result.returncode, site.cloud.words()) == (case.code, case.leaves), result.stderr
    assert re.search(site.say(case.says), result.stderr), result.stderr
    if case.code and "Usage" not in result.stderr:
        assert result.stderr.count("\n") == 1, result.stderr
        assert result.stderr.startswith("cms: ")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("site", "case"),
    [("aws", case) for case in EVERY]
    + [("azure", case) for case in [*EVERY, *AZURE] if tell(case) not in NOT_AZURE]
    + [("google", case) for case in [*ON_GOOGLE, *GOOGLE]]
    + [("openstack", case) for case in [*ELSEWHERE, *OPENSTACK]],
    indirect=["site"],
    ids=tell,
)
def test_a_command_does_what_its_exit_code_says(site: Site, case: Case) -> None:
    check(site, case)


@pytest.mark.parametrize(
    ("site", "case"),
    [("aws", case) for case in AWS_SAYS_NO]
    + [("azure", case) for case in AZURE_SAYS_NO]
    + [("google", case) for case in GOOGLE_SAYS_NO]
    + [("openstack", case) for case in OPENSTACK_SAYS_NO],
    indirect=["site"],
    ids=tell,
)
def test_an_error_of_the_cloud_is_told_with_its_code(site: Site, case: Case) -> None:
    assert case.fault
    action, status, code = case.fault
    rule = {"action": action, "fault": "error", "nth": "every", "status": status, "code": code}
    site.script(rule)
    check(site, case)
