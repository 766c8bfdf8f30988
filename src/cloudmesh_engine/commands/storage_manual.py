"""The manual of `cms storage`: upstream's usage lines, and what we add to them."""

MANUAL = """\
Usage:
    storage [--storage=SERVICE] create dir DIRECTORY [--output=OUTPUT]
    storage [--storage=SERVICE] get SOURCE DESTINATION [--recursive] [--output=OUTPUT]
    storage [--storage=SERVICE] put SOURCE DESTINATION [--recursive] [--output=OUTPUT]
    storage [--storage=SERVICE] list [SOURCE] [--recursive] [--output=OUTPUT]
    storage [--storage=SERVICE] delete SOURCE [--recursive] [--dryrun] [--output=OUTPUT]
    storage [--storage=SERVICE] search DIRECTORY FILENAME [--recursive] [--output=OUTPUT]
    storage [--storage=SERVICE] sync status [--name=NAME] [--output=OUTPUT]
    storage [--storage=SERVICE] sync SOURCE DESTINATION [--name=NAME] [--async] [--delete]
            [--dryrun] [--output=OUTPUT]
    storage [--storage=SERVICE] tree [SOURCE] [--output=OUTPUT]
    storage [--storage=SERVICE] size [SOURCE] [--folders] [--output=OUTPUT]
    storage config list [--output=OUTPUT]
    storage record SOURCE [--output=OUTPUT]
    storage copy SOURCE DESTINATION [--recursive] [--verify=HOW] [--dryrun] [--output=OUTPUT]

Arguments:
    SOURCE       an object, a folder or a glob; of get, put and sync one side is a local path
    DESTINATION  a name, or a folder if it ends with a slash
    DIRECTORY    a folder of the service; / is the bucket or container itself
    FILENAME     a name or a glob, as '*.csv'

Options:
    --storage=SERVICE  a service of cloudmesh.yaml, as aws, azure, google or local; list, search,
                       size and delete take several with commas [default.storage if not given]
    --recursive        a folder with all that is in it
    --folders          of each folder that is directly in it as well
    --delete           delete at the destination what the source does not have
    --name=NAME        under what sync status shows it
    --verify=HOW       store or read, see cms help transfer [default: store]
    --dryrun           change nothing, say what would be done
    --output=OUTPUT    table, json, yaml or csv [default: table]

storage copy takes SERVICE:PATH on both sides, as in
    storage copy aws:source.txt azure:target.txt
storage record SERVICE:FOLDER notes in MongoDB what is in a folder, up to 1,000 names, as in
    storage record aws:runs/
The REST API and the page Clouds show that, as they have no login to any store.
Names are kept as they are: an object is called what DESTINATION says, or what it was called.
sync --async does the same as sync and ends with it: its exit code tells what happened. To go on
meanwhile, use your shell's & or a task of Airflow.
"""
