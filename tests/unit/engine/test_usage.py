"""Command lines are matched as docopt does, only sooner."""

import importlib.util
from types import ModuleType

import docopt
import pytest

from cloudmesh_engine.commands import fleet_manual, storage_manual, transfer_manual, vm_manual
from cloudmesh_engine.usage import parse

LINES = {
    vm_manual: (
        "list", "list web --cloud=aws,azure --refresh --all --short", "delete web --missing-ok",
        "boot --n=2 --name=web --public -v --dryrun", "meta list web", "meta set web a=b c=d",
        "meta delete web a c", "ip inventory", "ssh web --comm=uname", "wait web --interval=1",
        "put here there web --key=file",
    ),
    fleet_manual: (
        "hours show --vms", "hours snooze web --until=2h", "reap --watch", "reap --yes --grace=0",
        "reap --log --days=9", "adopt web", "deadline web --until=2h",
    ),
    storage_manual: ("--storage=here list /", "sync a b --delete"),
    transfer_manual: ("here:/a there:/b", "a:/ b:/ --include=x --include=y"),
}  # fmt: skip
CASES = [(module.MANUAL, line) for module, lines in LINES.items() for line in lines]


@pytest.fixture(scope="module")
def theirs() -> ModuleType:
    """Give docopt as it was installed."""
    spec = importlib.util.find_spec("docopt")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.Pattern.fix_identities is not docopt.Pattern.fix_identities
    return module


@pytest.mark.parametrize(("manual", "line"), CASES, ids=[line for _, line in CASES])
def test_arguments_are_those_of_docopt(theirs: ModuleType, manual: str, line: str) -> None:
    assert parse(manual, line.split()) == dict(theirs.docopt(manual, line.split()))
