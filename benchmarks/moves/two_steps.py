"""Fetches every object to a folder, then stores it: run by benchmarks/movers.py."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3

_AT_ONCE = 8


def s3(login: dict[str, str]) -> Any:
    """A client of S3."""
    return boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=login["endpoint"],
        aws_access_key_id=login["access"],
        aws_secret_access_key=login["secret"],
    )


def main() -> None:
    """Move everything."""
    about = json.loads(Path(sys.argv[1]).read_text())
    folder = Path(about["folder"])
    folder.mkdir()
    source, bucket = s3(about["from"]), about["bucket"]
    pages = source.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=f"{about['source']}/"
    )
    names = [entry["Key"].partition("/")[2] for page in pages for entry in page["Contents"]]

    def get(name: str) -> None:
        source.download_file(bucket, f"{about['source']}/{name}", str(folder / name))

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(get, names))
        list(pool.map(_putter(about, folder), names))


def _putter(about: dict[str, Any], folder: Path) -> Any:
    if about["to"]["kind"] == "s3":
        target = s3(about["to"])

        def put(name: str) -> None:
            target.upload_file(str(folder / name), about["bucket"], f"{about['target']}/{name}")

        return put
    from azure.storage.blob import ContainerClient

    container = ContainerClient.from_connection_string(about["to"]["connection"], about["bucket"])

    def put_blob(name: str) -> None:
        with (folder / name).open("rb") as file:
            container.upload_blob(f"{about['target']}/{name}", file, overwrite=True)

    return put_blob


main()
