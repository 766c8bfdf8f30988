"""The manual of `cms vm`: upstream's usage lines, and what we add to them."""

MANUAL = """\
Usage:
    vm ping [NAMES] [--cloud=CLOUDS] [--count=N]
    vm check [NAMES] [--cloud=CLOUDS] [--username=USERNAME] [--output=OUTPUT]
    vm status [NAMES] [--cloud=CLOUDS] [--output=OUTPUT]
    vm console [NAME] [--force]
    vm log [NAME] [--force]
    vm stop [NAMES] [--cloud=CLOUD] [--output=OUTPUT] [--dryrun]
    vm start [NAMES] [--cloud=CLOUD] [--output=OUTPUT] [--dryrun]
    vm reboot [NAMES] [--cloud=CLOUD] [--output=OUTPUT] [--dryrun]
    vm terminate [NAMES] [--cloud=CLOUD] [--output=OUTPUT] [--dryrun]
    vm delete [NAMES] [--cloud=CLOUD] [--output=OUTPUT] [--dryrun]
    vm list [NAMES]
            [--cloud=CLOUDS]
            [--output=OUTPUT]
            [--refresh]
            [--all]
            [--short]
    vm boot [--n=COUNT]
            [--name=NAMES]
            [--label=LABEL]
            [--cloud=CLOUD]
            [--username=USERNAME]
            [--image=IMAGE]
            [--flavor=FLAVOR]
            [--network=NETWORK]
            [--public]
            [--secgroup=SECGROUP]
            [--group=GROUP]
            [--key=KEY]
            [--run=RUN]
            [--deadline=DEADLINE]
            [--output=OUTPUT]
            [--dryrun]
            [-v]
    vm meta list [NAME]
    vm meta set [NAME] KEY=VALUE...
    vm meta delete [NAME] KEY...
    vm script [NAMES]
              [--username=USERNAME]
              [--key=KEY]
              [--dryrun]
              [--dir=DESTINATION]
              SCRIPT
    vm ip assign [NAMES]
              [--cloud=CLOUD]
    vm ip show [NAMES]
               [--group=GROUP]
               [--cloud=CLOUD]
               [--output=OUTPUT]
               [--refresh]
    vm ip inventory [NAMES]
    vm ssh [NAMES]
           [--username=USER]
           [--quiet]
           [--ip=IP]
           [--key=KEY]
           [--command=COMMAND]
    vm put SOURCE DESTINATION [NAMES]
    vm get SOURCE DESTINATION [NAMES]
    vm rename [OLDNAMES] [NEWNAMES] [--force] [--dryrun]
    vm wait [NAMES] [--cloud=CLOUD] [--interval=INTERVAL] [--timeout=TIMEOUT] [--output=OUTPUT]
    vm info [NAMES] [--cloud=CLOUD] [--output=OUTPUT] [--dryrun]
    vm username USERNAME [NAMES] [--cloud=CLOUD] [--output=OUTPUT] [--dryrun]
    vm resize [NAMES] [--size=SIZE]

Arguments:
    NAMES     names or ids, as web, web1,web2 or web[1-5]
    USERNAME  the login on the VM
    OUTPUT    table, json, yaml or csv
    CLOUD     a cloud of cloudmesh.yaml; the default one if not given

Options:
    --n=COUNT            how many VMs: with --name=web they are web-0, web-1 and so on
    --name=NAMES         the names; a boot that is repeated with the same names adds no VM
    --label=LABEL        a text of yours, kept as a tag
    --cloud=CLOUD        the cloud; several, with commas, where the usage says CLOUDS
    --username=USERNAME  the login on the VM, kept as a tag
    --image=IMAGE        id or name of the image [default of the cloud in cloudmesh.yaml]
    --flavor=FLAVOR      the flavor [default of the cloud in cloudmesh.yaml]
    --network=NETWORK    the subnet
    --public             ask for a public address
    --secgroup=SECGROUP  a security group that the cloud has
    --group=GROUP        a group name of yours, kept as a tag
    --key=KEY            name of a key, see cms key list
    --run=RUN            the run that the VM belongs to, kept as a tag
    --deadline=DEADLINE  when the VM may be deleted, in ISO 8601, kept as a tag
    --output=OUTPUT      the output format [default: table]
    --refresh            ask the cloud, and make the inventory what the cloud says
    --all                ask the cloud, and show foreign VMs too; they are only shown
    --short              fewer columns
    --interval=SECONDS   the longest pause between two questions [default: 5]
    --timeout=SECONDS    how long to wait [default: 300]
    --dryrun             change nothing, say what would be done
    -v                   taken for the sake of older scripts, changes nothing

Only VMs that this appliance booted are stopped or deleted, and shown unless --all is given.
stop, start, reboot and delete need NAMES. ping, console, log, meta, script, ip assign,
ip inventory, ssh, put, get, rename and resize are not supported yet (exit code 3).
"""
