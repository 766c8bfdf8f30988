"""The manual of `cms transfer`."""

MANUAL = """\
Usage:
    transfer SOURCE TARGET [--include=GLOB]... [--exclude=GLOB]... [--delete]
             [--verify=HOW] [--bwlimit=RATE] [--parallel=N] [--dryrun] [--output=OUTPUT]

Moves objects from any store to any store: aws, azure, google, local, or what else
cloudmesh.yaml has below storage. What is there already is not moved again.

Arguments:
    SOURCE  SERVICE:PATH; an object, a folder with all that is in it, or a glob
    TARGET  SERVICE:PATH; a name if SOURCE is one object, otherwise a folder

Options:
    --include=GLOB   only names that match; without a slash it matches in every folder
    --exclude=GLOB   no names that match; both can be given more than once
    --delete         delete at the target what the source does not have
    --verify=HOW     store: compare what the store says; read: read everything back as well
                     [default: store]
    --bwlimit=RATE   bytes a second, as 500K, 10M or 1G [default: 0]
    --parallel=N     how many workers move files [default: 8]
    --dryrun         move nothing, say what would be moved
    --output=OUTPUT  table, json, yaml or csv [default: table]

A ** in a glob stands for any number of folders.
"""
