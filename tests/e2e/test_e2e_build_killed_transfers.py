"""An engine that is killed while a result or a cache is on its way: nothing is left, and it goes again."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.build_traces import leftovers
from tests.support.builds import forget_builds, scow_build
from tests.support.clients import Result
from tests.support.daemons import Daemon
from tests.support.live_folders import bytes_below
from tests.support.registry import Registry, registry
from tests.support.waiting import wait_until

pytestmark = pytest.mark.root

ADDRESS = "127.0.0.1:5062"
_LAYER_BYTES = 24 << 20
DOCKERFILE = f"""FROM busybox
RUN head -c {_LAYER_BYTES} /dev/urandom >/large
RUN echo small >/small
"""
KINDS = {
    "push": ("--output", f"type=registry,name={ADDRESS}/pushed:1"),
    "oci": ("--output", "type=oci,dest={folder}/image.tar"),
    "tar": ("--output", "type=tar,dest={folder}/files.tar"),
    "local": ("--output", "type=local,dest={folder}/files"),
    "cache to a registry": ("--cache-to", f"type=registry,mode=max,ref={ADDRESS}/cache:1"),
    "cache to a folder": ("--cache-to", "type=local,mode=max,dest={folder}/cache"),
}


@pytest.fixture(scope="module")
def place(scow_daemon: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry(tmp_path_factory.mktemp("registry"), scow_daemon.namespace, address=ADDRESS) as found:
        yield found


@pytest.fixture(autouse=True)
def _tidy(scow_daemon: Daemon) -> Iterator[None]:
    yield
    if not scow_daemon.running:
        scow_daemon.start()
    forget_builds(scow_daemon)


@pytest.fixture
def context(tmp_path: Path) -> Path:
    found = tmp_path / "context"
    found.mkdir()
    (found / "Dockerfile").write_text(DOCKERFILE)
    (tmp_path / "out").mkdir()
    return found


def killed_during(daemon: Daemon, context: Path, watched: Path, *args: str) -> Result:
    """A build, and the engine killed when the first bytes of what it sends have come where they go."""
    before = bytes_below(watched)
    done: list[Result] = []
    thread = threading.Thread(
        target=lambda: done.append(scow_build(daemon, *args, str(context), code=None)), daemon=True
    )
    thread.start()
    wait_until(lambda: bytes_below(watched) > before + 100_000 or done, "it is on its way")
    daemon.kill9()
    thread.join(120)
    assert done, "the client does not end"
    daemon.start()
    wait_until(lambda: not leftovers(daemon), f"nothing is left but {leftovers(daemon)}")
    assert not list((daemon.data_root / "tmp").glob("builds/*"))
    return done[0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_result_on_its_way(
    scow_daemon: Daemon, place: Registry, context: Path, tmp_path: Path, kind: str
) -> None:
    option, value = KINDS[kind]
    folder = tmp_path / "out"
    args = (option, value.format(folder=folder))
    scow_build(scow_daemon, str(context))  # so that the kill finds the transfer, not the steps
    watched = place.storage if ADDRESS in value else folder
    killed = killed_during(scow_daemon, context, watched, *args)
    if killed.code:
        assert "Traceback" not in killed.err
        left = [path.name for path in folder.iterdir() if path.name != "cache"]
        assert not left, "half a result is there"
    again = scow_build(scow_daemon, *args, str(context))
    assert len(re.findall(r"^#\d+ CACHED$", again.err, re.M)) == 2, again.err
    match kind:
        case "push":
            scow_daemon.docker("pull", "-q", f"{ADDRESS}/pushed:1")
            assert scow_daemon.docker("run", "--rm", f"{ADDRESS}/pushed:1", "cat", "/small").out == "small\n"
        case "oci":
            assert (folder / "image.tar").stat().st_size > _LAYER_BYTES
        case "tar":
            assert (folder / "files.tar").stat().st_size > _LAYER_BYTES
        case "local":
            assert (folder / "files/large").stat().st_size == _LAYER_BYTES
            assert (folder / "files/small").read_text() == "small\n"
        case _:
            forget_builds(scow_daemon)
            source = value.replace("mode=max,", "").replace("dest=", "src=").format(folder=folder)
            from_cache = scow_build(scow_daemon, "-t", "back", "--cache-from", source, str(context))
            assert len(re.findall(r"^#\d+ CACHED$", from_cache.err, re.M)) == 2, from_cache.err
            assert scow_daemon.docker("run", "--rm", "back", "cat", "/small").out == "small\n"


@pytest.mark.parametrize("kind", ["registry", "local"])
def test_a_cache_that_is_being_fetched(
    scow_daemon: Daemon, place: Registry, context: Path, tmp_path: Path, kind: str
) -> None:
    where = {"registry": f"ref={ADDRESS}/fetched:1", "local": f"dest={tmp_path}/cache"}[kind]
    scow_build(scow_daemon, "--cache-to", f"type={kind},mode=max,{where}", str(context))
    forget_builds(scow_daemon)
    source = f"type={kind},{where.replace('dest=', 'src=')}"
    killed_during(
        scow_daemon, context, scow_daemon.data_root / "overlay2", "-t", "got", "--cache-from", source
    )
    again = scow_build(scow_daemon, "-t", "got", "--cache-from", source, str(context))
    assert len(re.findall(r"^#\d+ CACHED$", again.err, re.M)) == 2, again.err
    assert scow_daemon.docker("run", "--rm", "got", "sh", "-c", "wc -c </large").out == f"{_LAYER_BYTES}\n"
