"""`make up` with Docker, as far as it goes without an engine."""


def test_images_that_are_there_need_no_registry(installation):
    done = installation.up("docker")
    assert done.returncode == 0, done.stderr
    assert [line for line in installation.asked() if line.startswith("compose pull")] == [
        "compose pull --quiet --policy missing postgres redis mongo"
    ]


def test_what_did_not_become_healthy_is_told_with_what_to_do(installation):
    done = installation.up("docker", UNHEALTHY="1")
    assert done.returncode == 1
    assert "--- worker: " in done.stderr
    assert "not everything became healthy" in done.stderr.splitlines()[-1]
