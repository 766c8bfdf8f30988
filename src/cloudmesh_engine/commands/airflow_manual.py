"""The manual of `cms airflow`."""

MANUAL = """\
Usage:
    airflow login [USER] [--password-file=FILE] [--url=URL] [--output=OUTPUT]
    airflow logout [--url=URL]
    airflow dags [PART] [--tag=TAG] [--url=URL] [--output=OUTPUT]
    airflow params DAG [--url=URL] [--output=OUTPUT]
    airflow pause DAG [--url=URL] [--output=OUTPUT]
    airflow unpause DAG [--url=URL] [--output=OUTPUT]
    airflow trigger DAG [--param=PARAM]... [--conf=JSON] [--run=RUN] [--unpause] [--wait]
            [--logs] [--url=URL] [--output=OUTPUT]
    airflow runs DAG [--state=STATE] [--limit=N] [--url=URL] [--output=OUTPUT]
    airflow state DAG RUN [--url=URL] [--output=OUTPUT]
    airflow logs DAG RUN [TASK] [--try=N] [--follow] [--url=URL] [--output=OUTPUT]
    airflow clear DAG RUN [TASK] [--failed] [--downstream] [--dryrun] [--url=URL]
            [--output=OUTPUT]

Arguments:
    USER  the user of Airflow [admin if not given]
    PART  a part of the DAG's name
    DAG   the name of a DAG
    RUN   the id of a run, or latest
    TASK  the name of a task; of several made from one, load[2] or, for all of them, load

Options:
    --url=URL             Airflow's address [cloudmesh.airflow.url of cloudmesh.yaml if not given]
    --password-file=FILE  where the password is; without it a terminal is asked, else stdin is read
    --tag=TAG             DAGs with that tag
    --param=PARAM         NAME=VALUE, read as the type that the DAG declares; again for more
    --conf=JSON           parameters as a JSON object, passed on as they are
    --run=RUN             the run's id; the same id and parameters again give the same run
    --unpause             switch the DAG on first; a paused one is refused
    --wait                until the run has ended; exit code 1 if it failed
    --logs                with --wait: the tasks' logs on stderr, as they come
    --state=STATE         queued, running, success or failed
    --limit=N             how many, the newest first [default: 20]
    --try=N               which attempt of the task [the last if not given]
    --follow              go on until the run, or the task, has ended
    --failed              only tasks that failed, or were not run because others did
    --downstream          also the tasks that come after it
    --dryrun              change nothing, say what would be cleared
    --output=OUTPUT       table, json, yaml or csv [default: table]

A login is kept for the user of the shell, in a file that nobody else can read, until it ends or
logout ends it. Exit code 4: Airflow does not answer, or does not let you in.
"""
