"""What the reaper decides: thousands of inventories of ours, of others, and of nobody."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudmesh_engine.clouds import Machine, Request
from cloudmesh_engine.clouds.leftovers import FREE, KINDS, Holding
from cloudmesh_engine.ledger import CREATING, DELETED, FAILED, PRESENT, Row
from cloudmesh_engine.reaping.plan import (
    Finding,
    Inventory,
    Memory,
    Patience,
    findings,
    key,
    of_run,
)

OURS = "cm-0123456789abcdef"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=365)
IDS = ("i-1", "i-2", "i-3", "i-4")
NAMES = ("web", "db", "job")
# Look-alikes among them: what almost says that it is ours.
OWNERS = (OURS, "", "cm-somebody-else", OURS.upper(), OURS + "0", OURS[:-1], " " + OURS)


def ago(**span: float) -> str:
    """A time before now, as the engine writes it."""
    return (NOW - timedelta(**span)).isoformat(timespec="microseconds")


def vm(name: str = "web", number: str = "i-1", owner: str = OURS, **tags: str) -> Machine:
    """A VM that was made two days ago, and launched again by somebody just now."""
    tags = {"cm-owner": owner, **{f"cm-{word}": text for word, text in tags.items()}}
    made = Machine("aws", name, number, "running", "", "", "", [], [], ago(seconds=1), tags)
    return replace(made, created=ago(days=2))


def row(name: str = "web", instance: str = "i-1", state: str = PRESENT, **changed: float) -> Row:
    return Row("aws", name, 1, Request("", ""), state, instance, ago(**(changed or {"days": 2})))


def elsewhere(row: Row) -> Row:
    """The row of another section, which may be of the same account."""
    return replace(row, cloud="big")


def holding(kind: str = "address", **more: object) -> Holding:
    made = Holding("aws", kind, f"{kind}-1", "one", OURS, used=False)
    return replace(made, **more)


def inventory(
    *things: Machine | Holding, rows: list[Row] | None = None, **more: object
) -> Inventory:
    """An inventory that has been watched for a year, and whose things were unwanted since."""
    seen = {key(thing): LONG_AGO for thing in things}
    made = Inventory(
        owner=OURS,
        now=NOW,
        machines=[one for one in things if isinstance(one, Machine)],
        holdings=[one for one in things if isinstance(one, Holding)],
        memory=Memory(rows or [], LONG_AGO, seen),
    )
    return replace(made, **more)


def due(given: Inventory) -> list[str]:
    return [one.thing.id for one in findings(given) if one.is_due(given.now)]


machines = st.builds(
    Machine,
    cloud=st.just("aws"),
    name=st.sampled_from(NAMES),
    id=st.sampled_from(IDS),
    state=st.sampled_from(["pending", "running", "stopped", "failed", "terminated"]),
    image=st.just(""),
    flavor=st.just(""),
    key=st.just(""),
    public_ips=st.just([]),
    private_ips=st.just([]),
    launched=st.just(ago(seconds=1)),
    created=st.sampled_from(["", ago(days=400), ago(days=2), ago(minutes=1)]),
    tags=st.fixed_dictionaries(
        {},
        optional={
            "cm-owner": st.sampled_from(OWNERS),
            "Cm-Owner": st.just(OURS),
            "cm-deadline": st.sampled_from(
                ["", "soon", ago(minutes=1), ago(days=-1), "2026-11-21", "0000-00-00"]
            ),
            "cm-token": st.sampled_from(["a", "b"]),
            "cm-run": st.sampled_from(["dag/run", "dag/other"]),
        },
    ),
)
holdings = st.builds(
    Holding,
    cloud=st.just("aws"),
    kind=st.sampled_from(KINDS),
    id=st.sampled_from(["x-1", "x-2", "x-3"]),
    name=st.sampled_from(["cloudmesh", "other"]),
    owner=st.sampled_from(OWNERS),
    used=st.booleans(),
    vm=st.sampled_from(["", *IDS]),
)
rows = st.builds(
    Row,
    cloud=st.sampled_from(["aws", "big"]),
    name=st.sampled_from(NAMES),
    attempt=st.just(1),
    request=st.just(Request("", "")),
    state=st.sampled_from([CREATING, PRESENT, FAILED, DELETED]),
    instance=st.sampled_from(["", *IDS]),
    updated=st.sampled_from([ago(days=2), ago(minutes=5)]),
)
times = st.sampled_from([LONG_AGO, NOW - timedelta(minutes=5), NOW])
memories = st.none() | st.builds(
    Memory,
    rows=st.lists(rows, max_size=4, unique_by=lambda one: one.key),
    watched=times,
    seen=st.dictionaries(
        st.sampled_from([f"aws/vm/{one}" for one in IDS] + [f"aws/{one}/x-1" for one in KINDS]),
        times,
    ),
    lost=st.sets(st.sampled_from(IDS), max_size=2),
)
inventories = st.builds(
    Inventory,
    owner=st.just(OURS),
    now=st.just(NOW),
    machines=st.lists(machines, max_size=4, unique_by=lambda one: one.id),
    holdings=st.none() | st.lists(holdings, max_size=4, unique_by=lambda one: (one.kind, one.id)),
    memory=memories,
    kept=st.sampled_from([(), (("key", "cloudmesh"), ("group", "cloudmesh"))]),
    patience=st.sampled_from([Patience(), Patience(*3 * [timedelta()])]),
)


@settings(max_examples=2500, deadline=None)
@given(inventories)
def test_nothing_is_deleted_that_is_not_certainly_ours_and_unwanted(given: Inventory) -> None:
    found = findings(given)
    assert len({one.key for one in found}) == len(found)
    for one in found:
        thing = one.thing
        assert owner_of(thing) == OURS
        if not one.is_due(given.now):
            continue
        if isinstance(thing, Holding):
            check_holding(thing, one, given)
        else:
            check_machine(thing, one, given)


def owner_of(thing: Machine | Holding) -> str | None:
    return thing.owner if isinstance(thing, Holding) else thing.tags.get("cm-owner")


def check_holding(thing: Holding, finding: Finding, given: Inventory) -> None:
    assert given.memory
    assert not thing.used
    assert (thing.kind, thing.name) not in given.kept
    there = {one.id for one in given.machines if one.state != "terminated"}
    assert not thing.vm or thing.vm not in there
    assert NOW - given.memory.seen.get(finding.key, NOW) >= given.patience.of(thing.kind)


def check_machine(thing: Machine, finding: Finding, given: Inventory) -> None:
    assert thing.state != "terminated"
    text = thing.tags.get("cm-deadline")
    if text in (ago(minutes=1), "2026-11-21"):
        return
    assert text in (None, "", ago(days=-1))
    # No deadline: the ledger must have been there before it, and know no reason for it.
    assert given.memory
    assert thing.created
    assert datetime.fromisoformat(thing.created) > given.memory.watched
    assert not [one for one in given.memory.wanted if one.instance == thing.id]
    assert thing.id not in given.memory.lost
    claims = [
        one
        for one in given.memory.wanted
        if one.name == thing.name and (one.cloud == thing.cloud or not one.instance)
    ]
    assert {one.updated for one in claims} <= {ago(days=2)}
    assert NOW - given.memory.seen.get(finding.key, NOW) >= given.patience.orphan


@settings(max_examples=500, deadline=None)
@given(inventories)
def test_every_vm_of_ours_past_its_deadline_is_due_whatever_else_is_known(given: Inventory) -> None:
    late = {
        machine.id
        for machine in given.machines
        if machine.tags.get("cm-owner") == OURS
        and machine.state != "terminated"
        and machine.tags.get("cm-deadline") in (ago(minutes=1), "2026-11-21")
    }
    assert late <= {*due(given)}
    assert late <= {*due(replace(given, memory=None))}


@settings(max_examples=500, deadline=None)
@given(inventories)
def test_a_run_is_given_its_own_vms_only(given: Inventory) -> None:
    for one in of_run(given, "dag/run"):
        assert isinstance(one.thing, Machine)
        assert owner_of(one.thing) == OURS
        assert one.thing.tags["cm-run"] == "dag/run"


@settings(max_examples=500, deadline=None)
@given(inventories)
def test_without_mongodb_only_deadlines_count(given: Inventory) -> None:
    for one in findings(replace(given, memory=None)):
        assert isinstance(one.thing, Machine)
        assert one.thing.tags["cm-deadline"]


@pytest.mark.parametrize(
    ("machine", "rows", "why"),
    [
        (vm(), [], "the ledger does not know it"),
        (vm(), [row(state=DELETED)], "the ledger does not know it"),
        (vm(), [row(state=CREATING, instance="")], "half of a boot that died"),
        (vm(), [row(instance="i-9")], "the ledger knows i-9 by that name"),
        (vm(), [elsewhere(row(instance="i-9"))], "the ledger does not know it"),
        (vm(), [elsewhere(row(state=DELETED))], "the ledger does not know it"),
        (vm(), [elsewhere(row(state=CREATING, instance=""))], "the ledger does not know it"),
        (vm(deadline=ago(hours=1)), [row()], "past its deadline"),
    ],
)  # fmt: skip
def test_what_should_be_gone_is_due_with_its_reason(
    machine: Machine, rows: list[Row], why: str
) -> None:
    (found,) = findings(inventory(machine, rows=rows))
    assert found.is_due(NOW)
    assert why in found.why


@pytest.mark.parametrize(
    ("machine", "rows"),
    [
        (vm(), [row()]),
        (vm(), [row(name="renamed")]),
        (vm(), [row(state=CREATING)]),
        (vm(), [row(state=CREATING, instance="", minutes=5)]),
        (vm(), [elsewhere(row())]),
        (vm(), [elsewhere(row(name="renamed"))]),
        (vm(), [elsewhere(row(state=CREATING, instance="", minutes=5))]),
        (vm(), [row(instance="i-9"), elsewhere(row(state=CREATING, instance="", minutes=5))]),
        (vm(deadline=ago(hours=-1)), [row()]),
        (vm(owner="cm-somebody-else", deadline=ago(hours=1)), []),
    ],
)
def test_what_is_wanted_or_not_ours_is_not_found(machine: Machine, rows: list[Row]) -> None:
    assert findings(inventory(machine, rows=rows)) == []


def test_an_orphan_is_left_alone_for_its_time_counted_from_when_it_was_seen() -> None:
    given = inventory(vm())
    assert given.memory
    for since, wanted in ((NOW - timedelta(minutes=59), []), (NOW - timedelta(hours=1), ["i-1"])):
        memory = replace(given.memory, seen={"aws/vm/i-1": since})
        assert due(replace(given, memory=memory)) == wanted
    (new,) = findings(replace(given, memory=replace(given.memory, seen={})))
    assert new.since == NOW
    assert new.due == NOW + timedelta(hours=1)


def test_a_ledger_that_is_younger_than_a_vm_decides_nothing() -> None:
    """As after the loss of MongoDB, or with a backup."""
    given = inventory(vm())
    assert given.memory
    young = replace(given, memory=replace(given.memory, watched=NOW - timedelta(hours=5)))
    (found,) = findings(young)
    assert found.due is None
    assert "cms fleet adopt" in found.why


def test_a_vm_that_the_ledger_took_for_gone_is_left_to_a_person_until_its_deadline() -> None:
    for rows in ([], [row(state=DELETED)], [row(instance="i-9")]):
        given = inventory(vm(), rows=rows)
        assert given.memory
        (found,) = findings(replace(given, memory=replace(given.memory, lost={"i-1"})))
        assert found.due is None
        assert "took it for gone" in found.why
    late = inventory(vm(deadline=ago(hours=1)))
    assert late.memory
    assert due(replace(late, memory=replace(late.memory, lost={"i-1"}))) == ["i-1"]


def test_a_twin_is_an_orphan_only_if_one_attempt_made_both() -> None:
    kept, twin = vm(token="a"), vm(number="i-2", token="a")
    assert due(inventory(kept, twin, rows=[row()])) == ["i-2"]
    apart = inventory(kept, vm(number="i-2", token="b"), rows=[row()])
    assert due(apart) == []
    assert [one.thing.id for one in findings(apart)] == ["i-2"]
    assert due(inventory(vm(), vm(number="i-2"), rows=[row()])) == []


def test_a_deadline_that_is_no_time_is_told_and_nothing_is_deleted() -> None:
    (found,) = findings(inventory(vm(deadline="next week")))
    assert found.due is None
    assert found.why == "its deadline 'next week' is no time"


def test_holdings_come_after_vms_in_the_order_in_which_they_can_be_deleted() -> None:
    things = [holding(kind) for kind in reversed(KINDS)]
    assert [one.kind for one in findings(inventory(*things, vm()))] == ["vm", *KINDS]
    assert due(inventory(*things)) == [f"{kind}-1" for kind in KINDS]


def test_what_costs_nothing_waits_longer_and_never_goes_during_a_boot() -> None:
    things = [holding(kind) for kind in KINDS]
    given = inventory(*things)
    assert given.memory
    seen = {key(thing): NOW - timedelta(days=29) for thing in things}
    given = replace(given, memory=replace(given.memory, seen=seen))
    assert due(given) == ["address-1", "disk-1", "interface-1"]
    boots = inventory(*things, rows=[row(state=CREATING, instance="", minutes=1)])
    assert not {f"{kind}-1" for kind in FREE} & {*due(boots)}


def test_what_a_vm_still_needs_or_cloudmesh_yaml_names_stays() -> None:
    assert findings(inventory(vm(), holding(vm="i-1"), rows=[row()])) == []
    # The cloud does not show it yet, the ledger knows it.
    assert findings(inventory(holding(vm="i-1"), rows=[row(state=CREATING)])) == []
    named = inventory(holding("group"), holding("key"), kept={("group", "one"), ("key", "one")})
    assert findings(named) == []
