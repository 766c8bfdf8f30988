"""The manual of `cms init`."""

MANUAL = """\
Usage:
    init yaml
    init [CLOUD] [--drop] [--force] [--dryrun] [--output=OUTPUT] [--debug]

Makes a fresh stack ready, and may be repeated at any time: what is there already stays.

    index    what MongoDB needs to find things quickly
    key      the appliance's ssh key, stored under the name of default.key
    upload   that key, in the cloud
    group    the security group that VMs get when none is asked for: ssh in, everything out
    images   the images for cms image list: yours, and the current Ubuntu LTS and Amazon Linux
    flavors  the flavors for cms flavor list

Arguments:
    CLOUD     a cloud of cloudmesh.yaml; every active one if not given
    OUTPUT    table, json, yaml or csv

Options:
    --drop           forget everything that MongoDB knows of Cloudmesh first: VMs, keys, groups and
                     catalogues. No VM is touched: cms vm list --refresh finds them again
    --force          drop without a question
    --dryrun         change nothing, say what would be done
    --output=OUTPUT  the output format [default: table]
    --debug          not supported: set CLOUDMESH_DEBUG=1 instead

A security group that has rules stays as it is, whoever made it. init yaml is not supported:
config/cloudmesh.yaml is the template.
"""
