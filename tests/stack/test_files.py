"""Files in the running stack: what arrived is read from the emulated S3 itself."""

import hashlib
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ET

import pytest

from .conftest import Run, wait_until

BUCKET = "cloudmesh"
# A tree with names that are easily spoilt, and one file of several parts, made in the worker.
MAKE = """
import os, pathlib, sys
root = pathlib.Path("/tmp/stack")
for name, size in (("ü ~.txt", 5), ("a b/empty", 0), ("a b/large", 20 << 20)):
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_bytes(os.urandom(size))
"""


class S3:
    """The emulated S3's own word, asked past our code."""

    def __init__(self, url):
        self.url = f"{url}/{BUCKET}"

    def ask(self, path, query=""):
        # It takes the service from the signature, which it does not check.
        scope = "Credential=test/20260101/us-east-1/s3/aws4_request"
        signature = f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=none"
        request = urllib.request.Request(f"{self.url}/{urllib.parse.quote(path)}{query}")
        request.add_header("Authorization", signature)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()

    def digests(self, prefix):
        """Give name and SHA-256 of each object below a prefix."""
        listing = ET.fromstring(self.ask("", f"?list-type=2&prefix={urllib.parse.quote(prefix)}"))
        keys = [key.text for key in listing.iterfind("{*}Contents/{*}Key")]
        return {key.removeprefix(prefix): hashlib.sha256(self.ask(key)).hexdigest() for key in keys}


@pytest.fixture(scope="module")
def tree(stack):
    """S3 and Azure with their bucket and container, and a tree in S3; its names and digests."""
    for service in ("aws", "azure"):
        stack.cms("storage", f"--storage={service}", "create", "dir", "/")
    made = stack.execute("worker", "python3", "-c", MAKE)
    assert made.returncode == 0, made.stderr
    stack.cms("storage", "--storage=aws", "put", "/tmp/stack", "stack ü", "--recursive")
    found = S3(stack.addresses["MOTO"]).digests("stack ü/")
    assert set(found) == {"ü ~.txt", "a b/empty", "a b/large"}
    return found


def test_move_file_goes_to_azure_and_back_as_it_was(stack, tree, trigger):
    there = trigger("move_file", source="aws:stack ü", target="azure:there", verify="read")
    there.ends()
    assert there.returned("move")["files"] == len(tree)
    back = trigger("move_file", source="azure:there", target="aws:back")
    back.ends()
    assert back.returned("move")["digest"] == there.returned("move")["digest"]
    assert S3(stack.addresses["MOTO"]).digests("back/") == tree


def test_a_task_marked_failed_while_it_moves_leaves_no_part_and_goes_on(
    stack, tree, client, trigger
):
    form = {"source": "aws:stack ü", "target": "aws:slow", "bwlimit": "100K"}
    run = trigger("move_file", **form)
    wait_until(lambda: uploads(stack), "the large file is on its way")
    client.call("PATCH", f"{run.path}/taskInstances/move", {"new_state": "failed"})
    wait_until(lambda: not uploads(stack), "its parts are gone")
    # It lets nobody else move the same files while it tidies up.
    wait_until(lambda: " transfer aws:" not in commands(stack), "the command is gone")
    run.ends("failed")
    again = trigger("move_file", source=form["source"], target=form["target"])
    again.ends()
    assert S3(stack.addresses["MOTO"]).digests("slow/") == tree


def commands(stack):
    return stack.execute("worker", "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '").stdout


def uploads(stack):
    listing = ET.fromstring(S3(stack.addresses["MOTO"]).ask("", "?uploads"))
    return [one.findtext("{*}Key") for one in listing.iterfind("{*}Upload")]


def test_s3_to_azure_moves_once_and_starts_the_dag_that_waits_for_it(stack, tree, client, trigger):
    client.wait_for_dag("after_transfer")
    first = trigger("s3_to_azure", prefix="stack ü")
    first.ends()
    assert first.returned("move")["files"] == len(tree)
    second = trigger("s3_to_azure", prefix="stack ü")
    second.ends()
    report = second.returned("move")
    assert (report["bytes"], report["unchanged"]) == (0, len(tree))
    stack.cms("transfer", "azure:stack ü", "aws:again")
    assert S3(stack.addresses["MOTO"]).digests("again/") == tree
    # The DAG waits for a folder of its own, so that what was moved elsewhere does not start it.
    assert runs_of(client) == []
    trigger("move_file", source="aws:stack ü", target="azure:stack ü/nightly").ends()
    (started,) = wait_until(lambda: runs_of(client), "the DAG is started by the asset")
    after = Run(client, "after_transfer", started["dag_run_id"])
    after.ends()
    (extra,) = after.returned("told")
    assert (extra["files"], extra["digest"]) == (len(tree), report["digest"])


def runs_of(client):
    return client.call("GET", "/api/v2/dags/after_transfer/dagRuns")["dag_runs"]


def test_a_sensor_waits_in_the_triggerer_until_the_file_is_there(stack, tree, client, trigger):
    run = trigger("wait_for_file", source="aws:inbox/*.csv")
    wait_until(lambda: run.tasks()["wait"] == "deferred", "the sensor is in the triggerer")
    stack.cms("transfer", "aws:stack ü/ü ~.txt", "aws:inbox/new.csv")
    run.ends()
    assert [one["name"] for one in run.returned("wait")] == ["inbox/new.csv"]


def test_storage_report_counts_what_s3_says(stack, tree, trigger):
    run = trigger("storage_report", stores="aws", path="stack ü")
    run.ends()
    whole, folder = run.returned("measure")
    assert (whole["files"], folder["name"], folder["files"]) == (len(tree), "stack ü/a b/", 2)
    assert folder["bytes"] == 20 << 20
