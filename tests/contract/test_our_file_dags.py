"""The DAGs in dags/ that move and count files, run to their end."""

from .conftest import moving

TREE = {"runs/one.txt": b"1", "runs/a b/two.csv": b"22", "top.txt": b"333"}


def test_move_file_takes_what_the_form_says(airflow, stores):
    stores.fill(TREE)
    form = {"source": "aws:runs/", "target": "azure:there", "include": "*.csv", "verify": "read"}
    done = airflow("move_file", **form)
    assert done.state == "success", airflow.log.read_text()[-3000:]
    assert stores.seen_by_rclone("azure") == moving.digests({"there/a b/two.csv": b"22"})
    (arrived,) = done.events
    assert arrived == "cloudmesh://azure/there"
    done = airflow("move_file", source="aws:top.txt", target="azure:there", delete=True, day=2)
    # To delete beside one file is refused, and not tried again.
    assert done.tasks == {"move": "failed"}
    assert "--delete" in airflow.log.read_text()


def test_move_file_only_says_what_it_would_move(airflow, stores):
    stores.fill(TREE)
    done = airflow("move_file", source="aws:", target="azure:", dryrun=True, delete=False)
    assert done.returned["move"]["names"] == sorted(TREE)
    assert (stores.seen_by_rclone("azure"), done.events) == ({}, {})


def test_s3_to_azure_moves_what_is_new(airflow, stores):
    stores.fill(TREE)
    done = airflow("s3_to_azure")
    assert done.state == "success", airflow.log.read_text()[-3000:]
    assert stores.seen_by_rclone("azure") == moving.digests(TREE)
    stores.fill({"runs/new": b"4444"})
    assert airflow("s3_to_azure", day=2).events["cloudmesh://azure/"]["files"] == 1
    assert stores.seen_by_rclone("azure") == moving.digests(TREE | {"runs/new": b"4444"})
    assert airflow("s3_to_azure", day=3).events["cloudmesh://azure/"]["bytes"] == 0
    done = airflow("s3_to_azure", prefix="runs", day=4)
    assert done.events["cloudmesh://azure/runs"]["files"] == 3


def test_s3_to_azure_is_skipped_with_the_reason_while_a_store_is_not_filled_in(airflow, stores):
    end = "\n        # The account"
    stores.cms.configure(f"container: {stores.bucket}{end}", f"container: TBD{end}")
    done = airflow("s3_to_azure")
    assert done.tasks == {"ready": "skipped", "move": "skipped"}
    assert "azure: its bucket, container or directory is not filled in" in airflow.log.read_text()


def test_storage_report_counts_every_store_and_its_folders(airflow, stores):
    stores.fill(TREE)
    done = airflow("storage_report")
    assert done.state == "success", airflow.log.read_text()[-3000:]
    counted = {
        (one["storage"], one["name"]): (one["files"], one["bytes"])
        for one in done.returned["measure"]
    }
    empty = {(service, "/"): (0, 0) for service in ("azure", "google", "local")}
    assert counted == empty | {("aws", "/"): (3, 6), ("aws", "runs/"): (2, 3)}


def test_storage_report_is_red_and_has_the_others_when_one_store_fails(airflow, stores):
    stores.fill(TREE)
    before = len(airflow.log.read_text())
    assert airflow("storage_report", stores="aws,nosuch").tasks == {"measure": "failed"}
    log = airflow.log.read_text()[before:]
    assert "nosuch: no such storage service" in log
    assert "aws    runs/       2" in log
