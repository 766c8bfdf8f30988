"""The manual of `cms fleet`."""

MANUAL = """\
Usage:
    fleet hours show [--vms] [--output=OUTPUT]
    fleet hours preview [SCHEDULES] [--from=TIME] [--days=DAYS] [--output=OUTPUT]
    fleet hours apply [--at=TIME] [--dryrun] [--output=OUTPUT]
    fleet hours snooze NAMES --until=TIME [--cloud=CLOUD] [--dryrun] [--output=OUTPUT]
    fleet hours off NAMES [--cloud=CLOUD] [--dryrun] [--output=OUTPUT]
    fleet hours on NAMES [--cloud=CLOUD] [--dryrun] [--output=OUTPUT]
    fleet report [--days=DAYS] [--by=FIELDS] [--output=OUTPUT]
    fleet prices [--refresh] [--cloud=CLOUD] [--output=OUTPUT]
    fleet reap [--yes] [--cloud=CLOUD] [--run=RUN] [--grace=HOURS] [--output=OUTPUT]
    fleet reap --watch
    fleet reap --log [--days=DAYS] [--output=OUTPUT]
    fleet adopt [NAMES] [--cloud=CLOUD] [--dryrun] [--output=OUTPUT]
    fleet deadline NAMES --until=TIME [--cloud=CLOUD] [--dryrun] [--output=OUTPUT]

hours: stops VMs when their office hours end and starts them when they begin, as the schedules
in office-hours.yaml say.

    show     the schedules; with --vms, what is remembered of VMs. Asks no cloud
    preview  when the schedules will start and stop VMs. Asks no cloud
    apply    do what is due since the last apply; the DAG office_hours does it every 5 minutes
    snooze   do not stop VMs before a time; stop them then, unless a schedule wants them
    off, on  take VMs out of office hours by the tag cm-hours, and put them back

report: how many VMs ran in the last days, how long, and what that cost in US dollars by the
prices that are known. Asks no cloud.

prices: what an hour of each flavor costs, and who says so: cloudmesh.yaml, else AWS or Azure when
they were last asked, else prices.yaml.

reap: shows what should be gone from all active clouds, and deletes it with --yes: VMs past their
deadline, VMs of ours that the ledger does not know, and addresses, disks, interfaces, security
groups and keys of ours that nobody uses. Nothing without our tag cm-owner is ever touched.
The service reaper does so every 5 minutes (--watch); cloudmesh.reaper in cloudmesh.yaml says how
long it waits. --log shows what was deleted.

adopt: takes VMs of ours that the ledger does not know into it, all or those that are named.

deadline: sets or moves the deadline of VMs, after which the reaper deletes them.

Arguments:
    NAMES      names or ids of VMs, as web, web1,web2 or web[1-5]
    SCHEDULES  names of schedules; all enabled ones if not given
    OUTPUT     table, json, yaml or csv
    TIME       ISO 8601, UTC unless it says otherwise: 2026-03-29T18:00+02:00
    CLOUD      a cloud of cloudmesh.yaml; the default one if not given, for prices, reap, adopt all
    FIELDS     one line for each of these: cloud, dag, run, owner, group, name, flavor

Options:
    --vms          show the VMs that are snoozed, stopped by office hours, or on the way
    --from=TIME    where the preview begins [default: now]
    --days=DAYS    how many days are shown; a report or log 90 at most [default: 7]
    --by=FIELDS    what a report tells apart [default: cloud,dag,owner]
    --at=TIME      act as if it were that time; one to come only with --dryrun
    --until=TIME   also 2h, 1d, 30m, or 23:00 in the schedule's time zone (a deadline: in UTC); now
                   ends a snooze, never takes a deadline away
    --refresh      ask AWS and Azure for their prices of today
    --yes          delete what is due
    --run=RUN      only what this DAG run booted, as vm_boot/manual__2026-11-21T08:00:00, at once
    --grace=HOURS  how long something must have been unwanted, instead of what cloudmesh.yaml says
    --watch        never end: look again and again, and delete what is due
    --log          show what was deleted, and why
    --cloud=CLOUD  the cloud
    --dryrun       change nothing, say what would be done
    --output=OUTPUT  the output format [default: table]

apply starts only what it stopped itself, leaves alone what a person started or stopped
meanwhile, reads the state back from the cloud, and ends with exit code 1 naming every VM that
is not as it should be. Only VMs that this appliance booted are touched.
"""
