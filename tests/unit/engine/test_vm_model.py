"""Random sequences of commands, faults and accidents: the cloud always equals a simple model.

The same few sequences run every time. VM_MODEL_EXAMPLES=500 runs that many new ones:
a failure prints its steps.
"""

import json
import os
import re
import secrets
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from .conftest import PATIENCE, Cms, Ec2, Faults, http

MORE = os.environ.get("VM_MODEL_EXAMPLES", "")
SETTINGS = settings(
    max_examples=int(MORE or 10),
    stateful_step_count=8,
    derandomize=not MORE,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # Shrinking would run thousands of commands.
    phases=[Phase.generate],
)
FOREIGN = "? ~web"
MICRO, SMALL = "t2.micro", "t2.small"
KILLED = -9
NAMES = st.sampled_from(["web", "db", "vm-1"])
FLAVORS = st.sampled_from([MICRO, MICRO, SMALL])
CALLS = st.integers(1, 6)
KILLS = st.builds(
    lambda nth, when: {"action": "*", "nth": nth, "fault": "kill", "when": when},
    CALLS, st.sampled_from(["before", "after"]),
)  # fmt: skip
# What a client that retries survives.
HICCUPS = st.builds(
    lambda nth, fault: {"action": "*", "nth": nth, "fault": fault},
    CALLS, st.sampled_from(["lose-reply", "refuse", "repeat", "throttle"]),
)  # fmt: skip
DIE = {"action": "RunInstances", "fault": "kill", "when": "after"}
HIDE = {"action": "RunInstances", "fault": "hide", "nth": "every", "seconds": 1}
FAULTS = st.one_of(st.none(), KILLS, HICCUPS)

# A VM is its flavor and state; None: there is none.
Vm = tuple[str, str] | None
Fault = dict[str, Any] | None


class Model(RuleBasedStateMachine):
    """What should be in the cloud after each command."""

    def __init__(self, cms: Cms, ec2: Ec2, faults: Faults) -> None:
        super().__init__()
        self.cms, self.ec2, self.faults = cms, ec2, faults
        http("POST", f"{ec2.address}/moto-api/reset")
        http("DELETE", f"{faults.control}/instances")
        self.faults.script()
        ec2.make(FOREIGN)
        self.vms: dict[str, Vm] = {}
        # Names whose row may still stand for another flavor although no VM is there.
        self.open: set[str] = set()
        self.forget_everything()

    def run(self, fault: Fault, *words: str, hide: bool = False) -> tuple[int, Any]:
        """Run a command, and give its exit code and its documents."""
        pid = self.cms.root / "pid"
        pid.write_text("")
        if fault and fault["fault"] == "kill":
            fault = {**fault, "pid_file": str(pid)}
        self.faults.script(*([fault] if fault else []), *([HIDE] if hide else []))
        process = self.cms.start("vm", *words, "--output=json", pid=pid)
        stdout, self.said = process.communicate(timeout=PATIENCE)
        self.faults.script()
        return process.returncode, json.loads(stdout) if process.returncode == 0 else []

    def seen(self) -> dict[str, Vm]:
        """Give our VMs as the cloud has them."""
        found: dict[str, Vm] = {}
        for one in self.ec2.instances():
            name = self.ec2.word(one).partition("/")[0]
            if name not in FOREIGN.split():
                assert name not in found, f"two VMs named {name}"
                found[name] = (one["InstanceType"], one["State"]["Name"])
        return found

    def expect(self, name: str, code: int, *goals: Vm) -> None:
        """Take over what became of a VM; only a killed command may have left it as it was."""
        now = self.seen().get(name)
        assert now in ((self.vms.get(name), *goals) if code == KILLED else goals), self.said
        self.vms[name] = now

    @rule(name=NAMES, flavor=FLAVORS, fault=FAULTS)
    def boot(self, name: str, flavor: str, fault: Fault) -> None:
        there = self.vms.get(name)
        code, _ = self.run(fault, "boot", f"--name={name}", f"--flavor={flavor}")
        if there and there[0] != flavor:
            assert code in (5, KILLED), self.said
            return self.expect(name, code, there)
        if code == 5 and name in self.open:
            return self.expect(name, code, None)
        assert code in (0, KILLED), self.said
        self.expect(name, code, (flavor, "running"))
        (self.open.discard if code == 0 else self.open.add)(name)
        return None

    @rule(name=NAMES)
    def boot_again_before_the_first_is_seen(self, name: str) -> None:
        flavor = (self.vms.get(name) or (MICRO,))[0]
        words = ("boot", f"--name={name}", f"--flavor={flavor}")
        code, _ = self.run(DIE, *words, hide=True)
        if code == 5 and name in self.open:
            return
        assert code == (0 if self.vms.get(name) else KILLED), self.said
        code, _ = self.run(None, *words)
        assert code == 0, self.said
        self.expect(name, code, (flavor, "running"))
        self.open.discard(name)

    @rule(name=NAMES, count=st.integers(2, 3))
    def boot_at_once(self, name: str, count: int) -> None:
        there = self.vms.get(name)
        words = ("vm", "boot", f"--name={name}", f"--flavor={there[0] if there else MICRO}")
        running = [self.cms.start(*words) for _ in range(count)]
        told = [process.communicate(timeout=PATIENCE)[1] for process in running]
        codes = {process.returncode for process in running}
        if codes == {5} and name in self.open and not there:
            return
        assert codes == {0}, told
        self.vms[name] = (there[0] if there else MICRO, "running")
        self.open.discard(name)

    @rule(fault=st.one_of(st.none(), HICCUPS))
    def boot_two_without_a_name(self, fault: Fault) -> None:
        code, booted = self.run(fault, "boot", "--n=2")
        assert code == 0, self.said
        names = {row["name"] for row in booted}
        assert len(names) == 2
        assert not {name for name in names if self.vms.get(name)}
        self.vms |= dict.fromkeys(names, (MICRO, "running"))

    @rule(verb=st.sampled_from(["stop", "start"]), name=NAMES, fault=FAULTS)
    def switch(self, verb: str, name: str, fault: Fault) -> None:
        there = self.vms.get(name)
        code, _ = self.run(fault, verb, name)
        if not there:
            # Somebody else's VM may have that name.
            assert code in (1, 5, KILLED), self.said
            return self.expect(name, code, None)
        assert code in (0, KILLED), self.said
        return self.expect(name, code, (there[0], "stopped" if verb == "stop" else "running"))

    @rule(name=NAMES, fault=FAULTS)
    def delete(self, name: str, fault: Fault) -> None:
        there = self.vms.get(name)
        code, _ = self.run(fault, "delete", name)
        if there:
            assert code in (0, KILLED), self.said
        self.expect(name, code, None)
        if code == KILLED:
            self.open.add(name)
        elif code == 0:
            self.open.discard(name)

    @rule(fault=st.one_of(st.none(), HICCUPS))
    def refresh(self, fault: Fault) -> None:
        code, rows = self.run(fault, "list", "--refresh")
        assert code == 0, self.said
        assert {row["name"]: (row["flavor"], row["status"]) for row in rows} == self.alive()

    @rule()
    def forget_everything(self) -> None:
        """Let Mongo lose all it knows: the next command finds another, empty database."""
        file = self.cms.root / "cloudmesh.yaml"
        name = f"MONGO_DBNAME: test_{secrets.token_hex(4)}"
        file.write_text(re.sub(r"MONGO_DBNAME: \w+", name, file.read_text()))

    @rule(name=NAMES)
    def terminate_elsewhere(self, name: str) -> None:
        for one in self.ec2.instances():
            if self.ec2.word(one).partition("/")[0] == name:
                self.ec2.client.terminate_instances(InstanceIds=[one["InstanceId"]])
                self.open.add(name)
        self.vms[name] = None

    def alive(self) -> dict[str, Vm]:
        """Give the VMs that should be there."""
        return {name: vm for name, vm in self.vms.items() if vm}

    @invariant()
    def the_cloud_is_the_model(self) -> None:
        assert self.seen() == self.alive()
        assert [word for word in self.ec2.words().split() if word in FOREIGN.split()] == (
            FOREIGN.split()
        )


def test_the_cloud_is_what_was_asked_for(cms_aws: Cms, ec2: Ec2, faults: Faults) -> None:
    run_state_machine_as_test(lambda: Model(cms_aws, ec2, faults), settings=SETTINGS)
