"""Images: load, save and remove; pull and push with a registry on the engine's machine."""

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from benchmarks.case import Case, NotHereError, Sample, Scale, check
from benchmarks.engines import Engine
from benchmarks.sample_images import KINDS, archived_layers, sample_image
from tests.support.environment import disk_dir
from tests.support.footprint import pss_of
from tests.support.registry import registry

_WEIGHED_EVERY_S = 0.05
_PULLS, _PUSHES = "127.0.0.1:5000", "127.0.0.1:5001"

Work = Callable[[Engine, Scale], AbstractContextManager[Sample]]


def _archives(kind: str) -> Work:
    @contextmanager
    def work(engine: Engine, scale: Scale) -> Iterator[Sample]:
        archive, name = sample_image(kind, scale)
        saved = disk_dir() / f"saved-{engine.kind}.tar"

        def sample() -> dict[str, float]:
            os.sync()
            with open(archive, "rb") as source:
                loaded_s, _ = engine.run("load", "-q", stdin=source)
            layers = len(engine.api("GET", f"/images/{name}/json")["RootFS"]["Layers"])
            with open(saved, "wb") as target:
                saved_s, _ = engine.run("save", name, stdout=target)
            check(archived_layers(saved) == layers, "save: another number of layers")
            saved.unlink()
            removed_s, _ = engine.run("rmi", name)
            return {"load s": loaded_s, "save s": saved_s, "rmi ms": removed_s * 1000}

        yield sample

    return work


def _pull(kind: str) -> Work:
    @contextmanager
    def work(engine: Engine, scale: Scale) -> Iterator[Sample]:
        if not shutil.which("skopeo"):
            raise NotHereError("skopeo is not installed: scripts/setup test")
        archive, name = sample_image(kind, scale)
        remote = f"{_PULLS}/{name}"
        with registry(
            disk_dir() / f"pulls-{engine.kind}-{kind}", engine.daemon.namespace, address=_PULLS
        ) as found:
            # Both engines get the same bytes.
            copy = (
                "skopeo",
                "copy",
                "-q",
                "--dest-tls-verify=false",
                f"docker-archive:{archive}",
                f"docker://{remote}",
            )
            subprocess.run(engine.daemon.namespace.command(*copy), check=True, capture_output=True)

            def sample() -> dict[str, float]:
                os.sync()
                pulled_s, _ = engine.run("pull", "-q", remote)
                again_s, _ = engine.run("pull", "-q", remote)
                engine.run("rmi", remote)
                return {"pull s": pulled_s, "again ms": again_s * 1000}

            yield sample
        shutil.rmtree(found.storage.parent)

    return work


def _push(kind: str) -> Work:
    @contextmanager
    def work(engine: Engine, scale: Scale) -> Iterator[Sample]:
        archive, name = sample_image(kind, scale)
        remote = f"{_PUSHES}/{name}"
        with open(archive, "rb") as source:
            engine.run("load", "-q", stdin=source)
        engine.run("tag", name, remote)
        layers = len(engine.api("GET", f"/images/{name}/json")["RootFS"]["Layers"])
        with registry(
            disk_dir() / f"pushes-{engine.kind}-{kind}", engine.daemon.namespace, address=_PUSHES
        ) as found:

            def sample() -> dict[str, float]:
                shutil.rmtree(found.storage / "docker", ignore_errors=True)
                os.sync()
                pushed_s, _ = engine.run("push", "-q", remote)
                check(
                    len(found.blobs()) == layers + 2, "push: another number of blobs"
                )  # config and manifest
                again_s, _ = engine.run("push", "-q", remote)
                return {"push s": pushed_s, "again ms": again_s * 1000}

            yield sample
        engine.run("rmi", name, remote)
        shutil.rmtree(found.storage.parent)

    return work


@contextmanager
def _peak_memory(engine: Engine, scale: Scale) -> Iterator[Sample]:
    """The most that scowd, and all its processes together, have above idle while the images are loaded."""

    def sample() -> dict[str, float]:
        idle = _weights(engine)
        most = idle
        for archive, name in (sample_image(kind, scale) for kind in KINDS):
            with open(archive, "rb") as source:
                command = engine.command("load", "-q")
                loading = subprocess.Popen(
                    command, env=engine.environment(), stdin=source, stdout=subprocess.DEVNULL
                )
            while loading.poll() is None:
                most = tuple(map(max, most, _weights(engine)))
                time.sleep(_WEIGHED_EVERY_S)
            check(loading.returncode == 0, f"load: {loading.returncode}")
            engine.run("rmi", name)
        scowd_mb, all_mb = ((top - base) / 1024 for top, base in zip(most, idle, strict=True))
        return {"scowd, above idle MB": scowd_mb, "all processes, above idle MB": all_mb}

    yield sample


def _weights(engine: Engine) -> tuple[int, ...]:
    """KiB (PSS) of the daemon, and of all processes."""
    found = {}
    for pid in engine.daemon.processes():
        with contextlib.suppress(OSError):  # an unpacker that has ended meanwhile
            found[pid] = pss_of(pid)
    return found[engine.daemon.pid], sum(found.values())


_OF = {"big": "one large layer", "many": "twenty layers", "files": "20,000 files"}

CASES = (
    *(
        Case(f"archive-{kind}", f"load, save and rmi of {_OF[kind]}", _archives(kind), slow=True)
        for kind in KINDS
    ),
    *(Case(f"pull-{kind}", f"pull of {_OF[kind]}, and again", _pull(kind), slow=True) for kind in KINDS),
    *(Case(f"push-{kind}", f"push of {_OF[kind]}, and again", _push(kind), slow=True) for kind in KINDS),
    Case(
        "load-memory",
        "memory above idle while the three images are loaded",
        _peak_memory,
        slow=True,
        alone=True,
    ),
)
