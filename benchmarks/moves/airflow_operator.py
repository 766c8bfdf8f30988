"""Runs Airflow's own operator and prints what its execution took: run by benchmarks/movers.py."""

import json
import os
import resource
import sys
import time
from pathlib import Path


def main() -> None:
    """Move everything."""
    about = json.loads(Path(sys.argv[1]).read_text())
    login = about["from"]
    aws = {
        "conn_type": "aws",
        "login": login["access"],
        "password": login["secret"],
        "extra": {"endpoint_url": login["endpoint"], "region_name": "us-east-1"},
    }
    blob = {"conn_type": "wasb", "extra": {"connection_string": about["to"]["connection"]}}
    os.environ["AIRFLOW_CONN_AWS_DEFAULT"] = json.dumps(aws)
    os.environ["AIRFLOW_CONN_WASB_DEFAULT"] = json.dumps(blob)
    from airflow.providers.microsoft.azure.transfers.s3_to_wasb import S3ToAzureBlobStorageOperator

    operator = S3ToAzureBlobStorageOperator(
        task_id="move",
        s3_bucket=about["bucket"],
        s3_prefix=about["source"],
        container_name=about["bucket"],
        blob_prefix=about["target"],
    )
    began, cpu = time.monotonic(), _cpu()
    operator.execute({})
    print(json.dumps({"seconds": time.monotonic() - began, "cpu": _cpu() - cpu}))


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


main()
