"""`make up` with Docker, as far as it goes without an engine."""


def test_images_that_are_there_need_no_registry(installation):
    done = installation.up("docker")
    assert done.returncode == 0, done.stderr
    assert [line for line in installation.asked() if line.startswith("compose pull")] == [
        "compose pull --quiet --policy missing postgres redis mongo"
    ]
