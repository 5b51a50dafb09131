"""``scow system check``: what was harmed under a running engine is found, and repaired."""

from tests.support.archives import ArchiveImage, Layer, docker_archive
from tests.support.daemons import Daemon


def image(name: str) -> ArchiveImage:
    layer = Layer()
    layer.file(f"only-{name}", name * 100)
    return ArchiveImage([layer.data()], [f"{name}:1"])


def test_damage_is_found_and_repaired_and_the_image_comes_back(scow_daemon: Daemon) -> None:
    scow_daemon.load(docker_archive([image("first"), image("second")]))
    scow_daemon.docker("run", "-d", "--name", "box", "busybox", "sleep", "60")
    whole = scow_daemon.scow("system", "check")
    assert whole.out.startswith("Checked 3 images, ")
    assert whole.out.endswith("1 containers: all whole\n")

    (damaged,) = (scow_daemon.data_root / "overlay2").glob("*/diff/only-first")
    damaged.write_text("x")
    stranger = scow_daemon.data_root / "overlay2" / ("d" * 64)
    stranger.mkdir()
    folder = scow_daemon.data_root / "containers" / ("e" * 64)
    folder.mkdir()
    found = scow_daemon.scow("system", "check", code=1)
    assert [line.split()[:2] for line in found.out.splitlines()[:-1]] == [
        ["found:", "directory"],
        ["found:", "layer"],
        ["found:", "directory"],
    ]
    assert "3 problems left; 'scow system check --repair'" in found.err
    assert stranger.exists()

    repaired = scow_daemon.scow("system", "check", "--repair")
    assert repaired.out.splitlines()[-1].endswith("3 problems, 3 repaired")
    assert not stranger.exists()
    assert not folder.exists()
    assert scow_daemon.docker("images", "-q", "first").out == ""
    assert scow_daemon.docker("inspect", "-f", "{{.State.Running}}", "box").out == "true\n"
    scow_daemon.load(docker_archive([image("first")]))
    assert scow_daemon.scow("system", "check").out.endswith("all whole\n")
    scow_daemon.docker("rm", "-f", "box")
    scow_daemon.docker("rmi", "first:1", "second:1")


def test_an_engine_that_is_not_scow_says_so(dockerd: Daemon) -> None:
    refused = dockerd.scow("system", "check", code=1)
    assert "page not found" in refused.err
