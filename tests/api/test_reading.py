"""What the API tells of clouds and VMs, and in which pages."""

from datetime import UTC, datetime, timedelta


def test_the_inventory_is_shown_filtered_and_in_pages(web, inventory):
    everything = web("GET", "vms").json()
    assert [(vm["cloud"], vm["name"]) for vm in everything["items"]] == [
        ("aws", "web-0"),
        ("aws", "web-1"),
        ("azure", "db"),
    ]
    assert everything["total"] == 3
    assert [vm["name"] for vm in web("GET", "vms?cloud=azure").json()["items"]] == ["db"]
    assert [vm["name"] for vm in web("GET", "vms?state=stopped").json()["items"]] == ["web-1"]
    assert [vm["name"] for vm in web("GET", "vms?name=WEB").json()["items"]] == ["web-0", "web-1"]
    of_run = web("GET", "vms?run=vm_boot/manual__2026").json()
    assert [vm["name"] for vm in of_run["items"]] == ["web-0", "web-1"]
    page = web("GET", "vms?limit=1&offset=1").json()
    assert [vm["name"] for vm in page["items"]] == ["web-1"]
    assert page["total"] == 3


def test_one_vm_is_told_in_full(web, inventory):
    vm = web("GET", "vms/aws/web-0").json()
    assert (vm["state"], vm["public_ips"], vm["run"]) == (
        "running",
        ["192.0.2.7"],
        "vm_boot/manual__2026",
    )
    missing = web("GET", "vms/aws/none")
    assert (missing.status_code, missing.json()["title"]) == (404, "Not Found")


def test_clouds_are_counted_also_those_without_vms(web, inventory):
    clouds = {cloud["name"]: cloud for cloud in web("GET", "clouds").json()}
    assert clouds["aws"]["states"] == {"running": 1, "stopped": 1}
    assert clouds["google"]["vms"] == 0


def test_what_upstream_left_out_is_empty(web, change):
    bare = {"_id": "1", "cm": {"kind": "vm"}, "name": "<b>&", "status": None, "instance_id": "1"}
    change(aws=[bare])
    (vm,) = web("GET", "vms?cloud=aws").json()["items"]
    assert (vm["name"], vm["state"], vm["public_ips"], vm["run"]) == ("<b>&", "unknown", [], "")


def test_vms_are_found_by_the_states_that_are_counted(web, change, make):
    change(aws=[make("web-0"), make("lost", state="")])
    aws = next(cloud for cloud in web("GET", "clouds").json() if cloud["name"] == "aws")
    assert aws["states"] == {"running": 1, "unknown": 1}
    for state, name in (("running", "web-0"), ("unknown", "lost")):
        found = web("GET", f"vms?cloud=aws&state={state}").json()
        assert [(vm["name"], vm["state"]) for vm in found["items"]] == [(name, state)]


def test_a_thousand_vms_come_in_pages(web, change, make):
    change(aws=[make(f"vm-{number:04}") for number in range(1000)])
    seen = []
    while True:
        page = web("GET", f"vms?cloud=aws&limit=300&offset={len(seen)}").json()
        seen += [vm["name"] for vm in page["items"]]
        if len(seen) >= page["total"]:
            break
    assert seen == [f"vm-{number:04}" for number in range(1000)]
    assert web("GET", "vms?limit=501").status_code == 422


def test_office_hours_remember_who_is_snoozed(web, inventory):
    note = {"kind": "vm", "cloud": "aws", "name": "web-0", "instance": "i-1", "goal": ""}
    until = "2026-11-21T22:00:00.000000+00:00"
    inventory.fill({"hours": [{**note, "launched": "", "snoozed": until}]})
    hours = web("GET", "office-hours").json()
    assert hours["as_of"] is None
    assert [(vm["name"], vm["snoozed_until"]) for vm in hours["vms"]] == [("web-0", until)]


def test_office_hours_show_what_their_dag_last_read(web, inventory):
    stop = {"at": "2026-11-23T18:00+01:00", "utc": "2026-11-23T17:00:00+00:00"}
    lab = {
        **{"name": "lab", "enabled": True, "now": "on", "next": f"stop {stop['at']}"},
        **{"timezone": "Europe/Berlin", "weekdays": ["mon"], "start": "08:00", "stop": "18:00"},
        **{"clouds": [], "vms": ["names: web*"]},
    }
    timetable = {
        **{"kind": "timetable", "as_of": "2026-11-21T08:00:00+00:00", "schedules": [lab]},
        "preview": [{**stop, "schedule": "lab", "action": "stop"}],
    }
    cloud = {"kind": "cloud", "cloud": "aws", "last": "2026-11-21T08:00:00.000000+00:00"}
    inventory.fill({"hours": [timetable, cloud]})
    hours = web("GET", "office-hours").json()
    assert hours["as_of"] == "2026-11-21T08:00:00Z"
    assert hours["schedules"] == [lab]
    (coming,) = hours["preview"]
    assert (coming["schedule"], coming["action"], coming["at"][:16]) == (
        *("lab", "stop"),
        "2026-11-23T18:00",
    )
    assert hours["vms"] == []


def test_hours_of_vms_come_by_day_and_cloud(web, inventory):
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)

    def sheet(cloud, begin, end):
        since, until = (today + timedelta(hours=hours) for hours in (begin, end))
        stretch = {"since": since.isoformat(timespec="microseconds")}
        stretch["until"] = until.isoformat(timespec="microseconds")
        return {"cloud": cloud, **stretch, "past": []}

    inventory.fill(
        {"timesheets": [sheet("aws", -30, -20), sheet("azure", -4, -2), sheet("aws", -999, -900)]}
    )
    days = web("GET", "vm-hours?days=3").json()["days"]
    assert [(day["hours"], day["clouds"]) for day in days] == [
        (6, {"aws": 6}),
        (6, {"aws": 4, "azure": 2}),
        (0, {}),
    ]
    assert days[-1]["day"] == today.date().isoformat()
    assert len(web("GET", "vm-hours").json()["days"]) == 14
    assert web("GET", "vm-hours?days=91").status_code == 422


def test_what_vms_cost_is_told_where_somebody_knows(web, change, make):
    priced = [make("a", cost_per_hour=0.0116), make("b", cost_per_hour=0.0928)]
    change(
        aws=[*priced, make("c", cost_per_hour=None), make("d", state="stopped", cost_per_hour=0)]
    )
    costs = {vm["name"]: vm["cost_per_hour"] for vm in web("GET", "vms?cloud=aws").json()["items"]}
    assert costs == {"a": 0.0116, "b": 0.0928, "c": None, "d": 0}
    aws = next(cloud for cloud in web("GET", "clouds").json() if cloud["name"] == "aws")
    assert (aws["cost_per_hour"], aws["unpriced"]) == (0.1044, 1)
    lines = web("GET", "metrics").text.splitlines()
    assert 'cloudmesh_cost_dollars_per_hour{cloud="aws"} 0.1044' in lines
    assert 'cloudmesh_unpriced_vms{cloud="aws"} 1' in lines


def test_metrics_count_vms_by_cloud_and_state(web, inventory):
    web("POST", "vms", json={})
    answer = web("GET", "metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    assert 'cloudmesh_vms{cloud="aws",state="stopped"} 1' in lines
    assert any(line.startswith('cloudmesh_recent_jobs{dag="vm_boot",') for line in lines)


def test_without_mongodb_the_answer_names_it(web, inventory, eventually):
    inventory.end()
    try:
        eventually(lambda: web("GET", "vms").status_code == 503)
        answer = web("GET", "healthz")
        assert answer.status_code == 503
        assert f"127.0.0.1:{inventory.port}" in answer.json()["detail"]
    finally:
        inventory.start()
    eventually(lambda: web("GET", "healthz").ok)
