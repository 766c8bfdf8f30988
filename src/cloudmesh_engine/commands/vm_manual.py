"""The manual of `cms vm`: upstream's usage lines, and what we add to them."""

MANUAL = """\
Usage:
    vm ping [NAMES] [--cloud=CLOUDS] [--count=N] [--ip=IP] [--output=OUTPUT]
    vm check [NAMES] [--cloud=CLOUDS] [--username=USERNAME] [--key=KEY] [--ip=IP] [--output=OUTPUT]
    vm status [NAMES] [--cloud=CLOUDS] [--output=OUTPUT]
    vm console [NAME] [--force] [--cloud=CLOUD] [--output=OUTPUT]
    vm log [NAME] [--force] [--cloud=CLOUD] [--output=OUTPUT]
    vm stop [NAMES] [--cloud=CLOUD] [--output=OUTPUT] [--dryrun]
    vm start [NAMES] [--cloud=CLOUD] [--output=OUTPUT] [--dryrun]
    vm reboot [NAMES] [--cloud=CLOUD] [--output=OUTPUT] [--dryrun]
    vm terminate [NAMES] [--cloud=CLOUD] [--missing-ok] [--output=OUTPUT] [--dryrun]
    vm delete [NAMES] [--cloud=CLOUD] [--missing-ok] [--output=OUTPUT] [--dryrun]
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
            [--nowait]
            [--output=OUTPUT]
            [--dryrun]
            [-v]
    vm meta list [NAME] [--cloud=CLOUD] [--output=OUTPUT]
    vm meta set [NAME] [KEY=VALUE...] [--cloud=CLOUD] [--output=OUTPUT] [--dryrun]
    vm meta delete [NAME] [KEY...] [--cloud=CLOUD] [--output=OUTPUT] [--dryrun]
    vm script [NAMES] [SCRIPT]
              [--username=USERNAME]
              [--key=KEY]
              [--dryrun]
              [--dir=DESTINATION]
              [--cloud=CLOUD]
              [--ip=IP]
              [--output=OUTPUT]
    vm ip assign [NAMES] [--cloud=CLOUD] [--output=OUTPUT] [--dryrun]
    vm ip unassign [NAMES] [--cloud=CLOUD] [--output=OUTPUT] [--dryrun]
    vm ip show [NAMES]
               [--group=GROUP]
               [--cloud=CLOUD]
               [--output=OUTPUT]
               [--refresh]
    vm ip inventory [NAMES]
                    [--group=GROUP]
                    [--cloud=CLOUD]
                    [--output=OUTPUT]
                    [--refresh]
    vm ssh [NAMES]
           [--username=USER]
           [--quiet]
           [--ip=IP]
           [--key=KEY]
           [--command=COMMAND]
           [--cloud=CLOUD]
           [--output=OUTPUT]
    vm put SOURCE DESTINATION [NAMES]
           [--cloud=CLOUD] [--username=USERNAME] [--key=KEY] [--ip=IP] [--output=OUTPUT] [--dryrun]
    vm get SOURCE DESTINATION [NAMES]
           [--cloud=CLOUD] [--username=USERNAME] [--key=KEY] [--ip=IP] [--output=OUTPUT] [--dryrun]
    vm rename [OLDNAMES] [NEWNAMES] [--force] [--cloud=CLOUD] [--output=OUTPUT] [--dryrun]
    vm wait [NAMES] [--cloud=CLOUD] [--interval=INTERVAL] [--timeout=TIMEOUT] [--output=OUTPUT]
    vm info [NAMES] [--cloud=CLOUD] [--output=OUTPUT] [--dryrun]
    vm username USERNAME [NAMES] [--cloud=CLOUD] [--output=OUTPUT] [--dryrun]
    vm resize [NAMES] [--size=SIZE] [--cloud=CLOUD] [--output=OUTPUT] [--dryrun]

Arguments:
    NAMES     names or ids, as web, web1,web2 or web[1-5]
    NAME      one of them
    KEY       for vm meta: a tag; those of the appliance (cm-…, Name) stay as they are
    SCRIPT    a file here that the VM can run
    SOURCE    for vm put here, for vm get on the VM, as is DESTINATION the other way round
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
    --key=KEY            for vm boot the name of a key, see cms key list; for ssh, script, put, get
                         and check the path of a private key [the appliance's own]
    --ip=IP              the address to log in at, instead of the VM's public one
    --command=COMMAND    the command line, exactly as the shell on the VM shall get it
    --dir=DESTINATION    a folder on the VM where the script stays; without it nothing stays
    --size=SIZE          the flavor
    --count=N            how many times to try [default: 1]
    --missing-ok         a VM that is not there is as good as deleted, with a note on stderr
    --quiet              no notes on stderr
    --force              taken for the sake of older scripts, changes nothing
    --run=RUN            the run that the VM belongs to, kept as a tag
    --deadline=DEADLINE  when the reaper deletes the VM, in ISO 8601, kept as a tag
    --nowait             end when the VMs are made, see vm status and vm wait for when they run
    --output=OUTPUT      the output format [default: table]
    --refresh            ask the cloud, and make the inventory what the cloud says
    --all                ask the cloud, and show foreign VMs too; they are only shown
    --short              fewer columns
    --interval=SECONDS   the longest pause between two questions [default: 5]
    --timeout=SECONDS    how long to wait [default: 300]
    --dryrun             change nothing, say what would be done
    -v                   taken for the sake of older scripts, changes nothing

Only VMs that this appliance booted are touched or logged in to, and shown unless --all is given.
What changes a VM needs its name. Without one, ssh, console, log and meta list take the VM booted
last; ping, check, status and info take all.

ssh with several NAMES runs the command on all at once and shows what each said. get from several
VMs makes a folder for each. rename pairs OLDNAMES with NEWNAMES. resize stops a running VM and
starts it again. ip assign gives an address that stays until ip unassign or delete. ip inventory
writes an inventory for Ansible. ping tries the ssh port.
"""
