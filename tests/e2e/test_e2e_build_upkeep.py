"""The build cache kept small by itself, cache mounts counted in it, and rights that builds must be given."""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.builds import build as built
from tests.support.builds import run_in
from tests.support.clients import Result
from tests.support.daemons import Daemon, DaemonOptions, ScowDaemon, running
from tests.support.waiting import wait_until

pytestmark = pytest.mark.root


def build(daemon: Daemon, folder: Path, dockerfile: str, *arguments: str, code: int = 0) -> Result:
    (folder / "Dockerfile").write_text(dockerfile)
    result: Result = daemon.scow(
        "build", *arguments, str(folder), code=code, env={"DOCKER_BUILDKIT": "1"}, timeout_s=120
    )
    return result


def records(daemon: Daemon) -> list[dict[str, object]]:
    found: list[dict[str, object]] = daemon.api("GET", "/system/df?type=build-cache").json["BuildCache"] or []
    return found


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Daemon]:
    """An engine that keeps a megabyte of results."""
    settings = tmp_path / "daemon.json"
    settings.write_text(
        json.dumps(
            {
                "builder": {
                    "gc": {"enabled": True, "defaultKeepStorage": "1MB"},
                    "entitlements": {"security-insecure": True},
                }
            }
        )
    )
    with running(ScowDaemon, DaemonOptions(args=("--config-file", str(settings)))) as daemon:
        yield daemon


def test_a_build_leaves_no_more_than_the_limit(small: Daemon, tmp_path: Path) -> None:
    steps = "".join(f"RUN head -c 700000 /dev/urandom >/{number}\n" for number in range(4))
    build(small, tmp_path, f"FROM busybox\n{steps}", "-t", "kept:1")

    def total() -> int:
        return sum(int(str(it["Size"])) for it in records(small))

    wait_until(lambda: 0 < total() <= 1 << 20, "the cache is below its limit")
    assert [str(it["Description"]) for it in records(small)] == ["[5/5] RUN head -c 700000 /dev/urandom >/3"]
    # What an image has stays with it.
    assert small.docker("run", "--rm", "kept:1", "sh", "-c", "cat /0 /1 /2 /3 | wc -c").out == "2800000\n"


def test_rights_that_the_engine_grants_must_be_asked_for(small: Daemon, tmp_path: Path) -> None:
    dockerfile = "FROM busybox\nRUN --security=insecure mount -t tmpfs none /tmp\n"
    refused = build(small, tmp_path, dockerfile, code=1)
    assert "   2 | >>> RUN --security=insecure mount -t tmpfs none /tmp\n" in refused.err
    assert "ERROR: failed to solve: security.insecure is not allowed" in refused.err
    build(small, tmp_path, dockerfile, "--allow", "security.insecure")


def test_rights_that_the_engine_does_not_grant(scow_daemon: Daemon, tmp_path: Path) -> None:
    refused = build(scow_daemon, tmp_path, "FROM busybox\n", "--allow", "security.insecure", code=1)
    message = "granting entitlement security.insecure is not allowed by build daemon configuration"
    assert message in refused.err


def test_cache_mounts_are_counted_and_pruned(scow_daemon: Daemon, tmp_path: Path) -> None:
    scow_daemon.api("POST", "/build/prune?all=1")
    make = "test -e /c/f || head -c 2000000 /dev/zero >/c/f"
    dockerfile = f"FROM busybox\nRUN --mount=type=cache,target=/c,id=keep {make}\n"
    build(scow_daemon, tmp_path, dockerfile)
    mounts = [it for it in records(scow_daemon) if it["Type"] == "exec.cachemount"]
    assert [it["Description"] for it in mounts] == ["cached mount /c with id keep"]
    assert 2_000_000 <= int(str(mounts[0]["Size"])) < 2_100_000
    shown = scow_daemon.scow("buildx", "du").out
    assert f"{mounts[0]['ID']}*" in shown
    assert scow_daemon.scow("buildx", "du", "--filter", "type=exec.cachemount").out.count("\n") == 2
    pruned = scow_daemon.scow("builder", "prune", "-f", "--filter", "type=regular").out
    assert str(mounts[0]["ID"]) not in pruned
    pruned = scow_daemon.scow("builder", "prune", "-f", "--filter", "type=exec.cachemount").out
    assert str(mounts[0]["ID"]) in pruned
    assert [it for it in records(scow_daemon) if it["Type"] == "exec.cachemount"] == []
    folder = scow_daemon.data_root / "build/cache-mounts"
    assert list(folder.iterdir()) == []
    build(scow_daemon, tmp_path, dockerfile, "--no-cache")
    assert len([it for it in records(scow_daemon) if it["Type"] == "exec.cachemount"]) == 1
    scow_daemon.api("POST", "/build/prune?all=1")


def test_a_context_that_was_sent_is_kept_until_a_prune(scow_daemon: Daemon) -> None:
    scow_daemon.api("POST", "/build/prune?all=1")
    large = os.urandom(2_000_000)
    dockerfile = "FROM busybox\nCOPY . /all/\n"

    def kept() -> list[dict[str, object]]:
        return [it for it in records(scow_daemon) if it["Type"] == "source.local"]

    built(scow_daemon, dockerfile, {"large": large})
    (first,) = kept()
    assert first["Description"] == "local source for context"
    assert int(str(first["Size"])) >= len(large)
    assert built(scow_daemon, dockerfile, {"large": large}).hits == 1
    assert [it["ID"] for it in kept()] == [first["ID"]]
    changed = built(scow_daemon, dockerfile, {"large": large[::-1]})
    assert changed.hits == 0
    (second,) = kept()
    assert second["ID"] != first["ID"]
    digest = hashlib.sha256(large[::-1]).hexdigest()
    assert run_in(scow_daemon, changed.id, "sha256sum", "/all/large").startswith(digest)
    pruned = scow_daemon.api("POST", '/build/prune?filters={"type":["source.local"]}').json
    assert pruned["CachesDeleted"] == [second["ID"]]
    assert pruned["SpaceReclaimed"] == second["Size"]
    assert not kept()
