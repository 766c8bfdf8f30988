"""The manual of `cms var` and `cms set`: upstream's usage lines, and what we add to them."""

MANUAL = """\
Usage:
    {word} list [--output=OUTPUT]
    {word} clear
    {word} delete NAME
    {word} base
    {word} NAME=VALUE
    {word} NAME
    {word}

Arguments:
    NAME   the name of a variable
    VALUE  its value; date, time and now stand for the moment, $OTHER and value.OTHER
           for the value of another variable, cloudmesh.a.b for a setting of cloudmesh.yaml

Options:
    --output=OUTPUT  table, json, yaml or csv

Variables stand in for options that are not given: cloud, key, image, flavor (or size),
group, secgroup and username. An option wins over a variable, a variable over
cloudmesh.yaml. They are kept for the user of a shell; commands that Airflow runs know
none of them. base says in which files all this is; clear and delete bring the
defaults of cloudmesh.yaml back.
"""
