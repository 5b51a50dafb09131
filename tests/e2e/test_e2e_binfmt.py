"""``scow binfmt``, and what Docker's guides do instead: programs of other machines, built and run."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.buildkit_image import buildkit_archive
from tests.support.buildx import Buildx
from tests.support.clients import Result
from tests.support.daemons import Daemon
from tests.support.emulating_daemon import PLACE, emulating, installer_image
from tests.support.foreign_programs import RISCV64, foreign_program
from tests.support.pipelines import Pipeline
from tests.support.registry import registry

pytestmark = [pytest.mark.root, pytest.mark.needs("dpkg-deb")]

PROGRAM = "/usr/libexec/qemu-binfmt/riscv64-binfmt-P"


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with emulating() as found:
        yield found


@pytest.fixture(autouse=True)
def _tidy(daemon: Daemon) -> Iterator[None]:
    yield
    if any(it["Status"] != "available" for it in listed(daemon)):
        daemon.scow("binfmt", "rm", "all")


@pytest.fixture
def buildx(daemon: Daemon, tmp_path: Path) -> Buildx:
    """A context with a program of another machine, and a Dockerfile that runs it."""
    found = Buildx(daemon, tmp_path / "context")
    found.write("hello", foreign_program(RISCV64, "hello from afar\n"), mode=0o755)
    found.write("Dockerfile", 'FROM scratch\nCOPY hello /hello\nRUN ["/hello"]\nCMD ["/hello"]\n')
    return found


def listed(daemon: Daemon) -> list[dict[str, str]]:
    out = daemon.scow("binfmt", "ls", "--format", "json").out
    return [json.loads(line) for line in out.splitlines()]


def build(buildx: Buildx, code: int = 0) -> Result:
    platform = ("--no-cache", "--platform", "linux/riscv64", "-t", "afar")
    result: Result = buildx.daemon.scow(
        "build", *platform, str(buildx.context), code=code, env={"DOCKER_BUILDKIT": "1"}
    )
    return result


def test_an_interpreter_is_installed_used_and_removed(daemon: Daemon, buildx: Buildx) -> None:
    found = {it["Name"]: it for it in listed(daemon)}
    assert sorted(found) == ["qemu-aarch64", "qemu-arm", "qemu-riscv64", "qemu-s390x"]
    shown = found["qemu-riscv64"]
    assert (shown["Status"], shown["Platforms"], shown["Interpreter"]) == (
        "available",
        "linux/riscv64",
        PROGRAM,
    )
    failed = build(buildx, code=1)
    assert "exec format error" in failed.err.lower()
    assert (
        "no interpreter for programs of linux/riscv64 is registered: scow binfmt install riscv64"
        in failed.err
    )

    installed = daemon.scow("binfmt", "install", "riscv64", "amd64").out
    assert installed == "amd64: runs here without\nqemu-riscv64 (linux/riscv64): registered\n"
    for show in (
        daemon.scow("buildx", "ls").out,
        daemon.scow("buildx", "inspect").out,
        buildx.other("ls").stdout,
    ):
        assert "linux/amd64" in show
        assert "linux/riscv64" in show
    assert "hello from afar" in build(buildx).err
    assert daemon.docker("run", "--rm", "--platform", "linux/riscv64", "afar").out == "hello from afar\n"
    again = daemon.scow("binfmt", "install", "linux/riscv64").out
    assert again == "qemu-riscv64 (linux/riscv64): already registered\n"

    assert daemon.scow("binfmt", "rm", "riscv64").out == "qemu-riscv64 (linux/riscv64): removed\n"
    assert "riscv64" not in daemon.scow("buildx", "inspect").out
    gone = daemon.scow("binfmt", "uninstall", "riscv64", code=1)
    assert 'no interpreter for "riscv64" is registered' in gone.err


def in_place(daemon: Daemon, script: str) -> str:
    """Run ``script`` where the engine is: the kernel's files are nowhere else."""
    enter = ("nsenter", f"--mount=/proc/{daemon.pid}/ns/mnt")
    return daemon.namespace.run(*enter, "sh", "-ec", f"cd {PLACE}; {script}").stdout


def test_all_of_them_and_what_somebody_else_has_registered(daemon: Daemon) -> None:
    everything = daemon.scow("binfmt", "install").out
    assert everything.splitlines() == [
        "qemu-aarch64 (linux/arm64): registered",
        "qemu-arm (linux/arm/v7,linux/arm/v6): registered",
        "qemu-riscv64 (linux/riscv64): registered",
        "qemu-s390x (linux/s390x): registered",
    ]
    in_place(daemon, "echo 0 >qemu-arm")
    assert {it["Name"]: it["Status"] for it in listed(daemon)}["qemu-arm"] == "disabled"
    assert daemon.scow("binfmt", "install", "arm").out == "qemu-arm (linux/arm/v7,linux/arm/v6): enabled\n"

    line = rf"sed s:{PROGRAM}:/bin/true: /usr/lib/binfmt.d/qemu-riscv64.conf"
    in_place(daemon, f"echo -1 >qemu-riscv64; {line} >register")
    left = daemon.scow("binfmt", "install", "riscv64").out
    assert left == (
        "qemu-riscv64 (linux/riscv64): left as it is: /bin/true is registered; --force replaces it\n"
    )
    replaced = daemon.scow("binfmt", "install", "--force", "riscv64").out
    assert replaced == "qemu-riscv64 (linux/riscv64): replaced /bin/true\n"
    assert PROGRAM in in_place(daemon, "cat qemu-riscv64")

    in_place(daemon, "echo 0 >status")
    assert "switched off" in daemon.scow("binfmt", "ls").err
    assert "switched off" in daemon.scow("binfmt", "install", code=1).err
    assert "riscv64" not in daemon.scow("buildx", "inspect").out
    in_place(daemon, "echo 1 >status")
    wrong = daemon.scow("binfmt", "install", "arm46", code=1).err
    assert (
        'no interpreter for "arm46" on the engine\'s machine; there are: arm64, arm, riscv64, s390x' in wrong
    )


def test_the_installer_of_dockers_guides(daemon: Daemon, buildx: Buildx) -> None:
    """Its registrations stay when it has gone, though the machine has binfmt_misc nowhere mounted."""
    daemon.load(installer_image("tonistiigi/binfmt:latest"))
    done = daemon.docker("run", "--privileged", "--rm", "tonistiigi/binfmt", "--install", "all")
    assert "installing: qemu-riscv64 OK" in done.err
    assert "linux/riscv64" in buildx.other("inspect").stdout
    assert "hello from afar" in build(buildx).err
    daemon.docker("image", "rm", "tonistiigi/binfmt", "afar")


WORKFLOW = """
docker run --privileged --rm tonistiigi/binfmt --install all
docker buildx create --name builder --driver docker-container --driver-opt network=host --use
# It waits for its builder for 15 seconds: on a slow machine it is asked again. grep reads all that is said.
for attempt in 1 2 3 4 5 6; do docker buildx inspect --bootstrap >shown && break; done
grep linux/riscv64 shown >/dev/null
echo "$CI_PASSWORD" | docker login -u "$CI_USER" --password-stdin $REGISTRY

docker buildx build -q --load -t test-image:latest --cache-to type=local,dest=cache,mode=max .
[ "$(docker run --rm test-image:latest)" = "hello from here" ]
[ -z "${PULL_REQUEST-}" ] || exit 0

docker buildx build -q --push --platform linux/amd64,linux/riscv64 \
    -t $REGISTRY/app:1.2.3 -t $REGISTRY/app:1.2 --label org.opencontainers.image.version=1.2.3 \
    --cache-from type=local,src=cache --cache-to type=local,dest=cache,mode=max .
docker buildx imagetools inspect $REGISTRY/app:1.2
docker run --rm --pull always --platform linux/riscv64 $REGISTRY/app:1.2.3
docker image inspect -f '{{index .Config.Labels "org.opencontainers.image.version"}}' $REGISTRY/app:1.2.3
docker buildx rm builder
docker image rm test-image $REGISTRY/app:1.2.3
"""


@pytest.mark.slow
@pytest.mark.timeout(1500)  # dockerd, in a container, on a slow machine
@pytest.mark.needs("docker-registry", "runc")
@pytest.mark.parametrize("docker", ["docker", "scow"])
def test_a_workflow_for_several_platforms(
    daemon: Daemon, buildx: Buildx, docker: str, tmp_path: Path
) -> None:
    """What setup-qemu, setup-buildx, login and build-push of GitHub's workflows run."""
    daemon.load(installer_image("tonistiigi/binfmt:latest"))
    daemon.load(buildkit_archive())
    context = buildx.context
    buildx.write("amd64/echo", Path(shutil.which("busybox") or "").read_bytes(), mode=0o755)
    buildx.write("riscv64/echo", foreign_program(RISCV64, "hello from afar\n"), mode=0o755)
    program = '["/echo", "hello from here"]'
    buildx.write(
        "Dockerfile", f"FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH/ /\nRUN {program}\nCMD {program}\n"
    )
    with registry(tmp_path / "registry", daemon.namespace, address="127.0.0.1:5063", passwords=True) as store:
        told = Pipeline(daemon, context, store, docker).job(WORKFLOW, timeout_s=1200)
    assert {"linux/amd64", "linux/riscv64"} <= set(re.findall(r"Platform: +(\S+)", told))
    assert "hello from afar\n1.2.3\n" in told


def test_another_engine_is_told_of_the_installer(dockerd: Daemon) -> None:
    told = dockerd.scow("binfmt", "ls", code=1).err
    assert "scow run --privileged --rm tonistiigi/binfmt --install all" in told
