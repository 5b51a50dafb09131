"""The create request of ``scow`` is that of Docker's own command line, for a matrix of command lines."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scow.cli.main import main
from tests.support.docker_cli import docker_cli_lacks, skip_reworded
from tests.support.fake_engine import FakeEngine, fake_engine

pytestmark = pytest.mark.skipif(docker_cli_lacks() != "", reason=docker_cli_lacks())

_SIMPLE = """
busybox
busybox sh -c 'echo hi' -x --flag
-it busybox sh
-i busybox cat
-t busybox
-itv /src:/dst busybox
-a stdin -a STDOUT busybox
-a stderr busybox true
-i -a stdout busybox
--name web --hostname h --domainname d -u 1:2 -w /work busybox
-h short busybox
-e A=1 -e B= -e HOME -e NOT_SET_ANYWHERE -e A=2 busybox
-e 'A=x y=z' --env B=ünï busybox
--env-file env.txt -e X=over busybox
--label a=b --label c --label 'd=e f' -l g=h=i busybox
--label-file labels.txt --label a=last busybox
--entrypoint /bin/sh busybox -c true
--entrypoint= busybox
--entrypoint '' busybox
-p 80 busybox
-p 8080:80 busybox
-p 127.0.0.1:8080:80/udp busybox
-p 127.0.0.1::80 busybox
-p '[::1]:8080:80' busybox
-p ::1:8080:80 busybox
-p 8000-8002:9000-9002 busybox
-p 8000-8010:80 busybox
-p 80-82/TCP busybox
-p published=80,target=8080 -p published=53,target=53,protocol=udp busybox
-p 80:80 -p 81:80 -p 80:80/sctp busybox
-P --expose 90 --expose 100-102/udp -p 90:90 busybox
--expose 80/ busybox
-v /data busybox
-v name:/data busybox
-v name:/data:ro busybox
-v ./rel:/data busybox
-v .:/data:ro,z busybox
-v ../x:/data busybox
-v ~/x:/data busybox
-v a:/b -v a:/b -v /c busybox
-v c:\\x:/data busybox
-v /a busybox
-v x busybox
--tmpfs /t --tmpfs /u:rw,size=10m,mode=1777 busybox
--mount type=bind,source=/a,target=/b,readonly busybox
--mount type=bind,src=./a,dst=/b,ro=false busybox
--mount source=v,destination=/b busybox
--mount type=volume,target=/b,volume-nocopy,volume-label=a=b,volume-driver=d,volume-opt=o=v busybox
--mount type=volume,target=/b,volume-subpath=x,volume-nocopy=false busybox
--mount type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=1770 busybox
--mount type=bind,source=/a,target=/b,bind-propagation=rshared,bind-recursive=disabled busybox
--mount type=bind,source=/a,target=/b,ro,bind-propagation=rprivate,bind-recursive=readonly busybox
--mount type=bind,source=/a,target=/b,readonly,bind-recursive=writable busybox
--mount type=bind,source=/a,target=/b,bind-recursive=enabled,consistency=cached busybox
--mount type=image,source=i,target=/b,image-subpath=s busybox
--mount '"type=bind","source=/a,b",target=/c' busybox
--mount TYPE=BIND,source=/a,target=/b busybox
--mount type=bind,source=/a,target=/b,bind-nonrecursive busybox
--mount type=bind,source=/a,target=/b,bind-nonrecursive=false --mount target=/c,type=volume busybox
--volumes-from a --volumes-from b:ro --volume-driver d busybox
--network host busybox
--net none busybox
--network container:abc busybox
--network mine busybox
--network mine --network-alias a --net-alias b busybox
--network mine --ip 10.0.0.2 --ip6 fe80::1 --link-local-ip 169.254.1.1 busybox
--network mine --link a:b --link c busybox
--network mine --mac-address 92:d0:c6:0a:29:33 busybox
--network name=mine,alias=a,alias=b,ip=10.0.0.2,driver-opt=k=v busybox
--network name=mine,mac-address=92:d0:c6:0a:29:33,gw-priority=5 --network other busybox
--network one --network two --network name=three,alias=x busybox
--network bridge --mac-address 92-d0-c6-0a-29-33 busybox
--mac-address 92:d0:c6:0a:29:33 busybox
--ip 10.0.0.2 busybox
--link a:b busybox
--dns 1.1.1.1 --dns ::1 --dns-opt ndots:2 --dns-option x --dns-search example.com --dns-search . busybox
--dns '  8.8.8.8 ' --dns ::ffff:1.2.3.4 busybox
--add-host a:1.2.3.4 --add-host b=::1 --add-host c:host-gateway --add-host 'd:[fe80::1]' busybox
-m 64m --memory-swap -1 --memory-reservation 32MB --memory-swappiness 10 --kernel-memory 1g busybox
-m 1.5g --memory-swap 2GiB --shm-size 128k --oom-kill-disable --oom-score-adj -5 busybox
--cpus 1.5 busybox
--cpus .25 busybox
--cpus 1/4 busybox
--cpus 2e-1 busybox
-c 512 --cpu-period 100000 --cpu-quota 50000 --cpuset-cpus 0,1 --cpuset-mems 0 busybox
--cpu-rt-period 1000 --cpu-rt-runtime 500 --pids-limit 100 --blkio-weight 500 busybox
--blkio-weight-device /dev/sda:200 --device-read-bps /dev/sda:1mb --device-write-bps /dev/sda:2k busybox
--device-read-iops /dev/sda:100 --device-write-iops /dev/sda:0x --device-write-iops /dev/sda:200 busybox
--device-read-iops /dev/sda:100 --device-write-iops /dev/sda:200 busybox
--ulimit nofile=1024:2048 --ulimit core=0 --ulimit nproc=-1 --ulimit nofile=5 busybox
--device /dev/null --device /dev/zero:/dev/x --device /dev/zero:rw --device /dev/zero:/dev/y:r busybox
--device /dev//null/ --device vendor.com/class=dev1 busybox
--device-cgroup-rule 'c 1:3 rwm' --device-cgroup-rule 'b *:* r' busybox
--gpus all busybox
--gpus 2 busybox
--gpus device=0 busybox
--gpus '"device=0,1",driver=nvidia,"capabilities=compute,utility"' busybox
--gpus 'count=1,"options=a=b,c=d"' busybox
--cap-add NET_ADMIN --cap-add cap_sys_time --cap-drop all --cap-add NET_ADMIN busybox
--privileged --read-only --init busybox
--init=false --privileged=false busybox
--security-opt no-new-privileges --security-opt label:disable --security-opt apparmor=x busybox
--security-opt seccomp=unconfined --security-opt systempaths=unconfined busybox
--security-opt seccomp=profile.json busybox
--security-opt systempaths=unconfined busybox
--sysctl net.ipv4.ip_forward=1 --sysctl kernel.msgmax=2 --sysctl fs.mqueue.x=1 busybox
--storage-opt size=10G --runtime crun --isolation default --cgroup-parent /p busybox
--pid host --uts host --ipc host --userns host --cgroupns private busybox
--pid container:x --ipc container:y --cgroupns host busybox
--restart always busybox
--restart on-failure:5 busybox
--restart '' busybox
--restart no --rm busybox
--rm busybox
--stop-signal TERM --stop-timeout 5 busybox
--stop-timeout 0 busybox
--stop-timeout 0x10 busybox
--log-driver json-file --log-opt max-size=10m --log-opt max-file=3 busybox
--log-opt mode=non-blocking busybox
--health-cmd 'curl -f x' --health-interval 5s --health-timeout 1m30s --health-retries 3 busybox
--health-start-period 1.5h --health-start-interval 100ms busybox
--health-retries 2 busybox
--no-healthcheck busybox
--group-add 10 --group-add audio --annotation a=b --annotation c=d busybox
--platform linux/arm64 busybox
--platform linux busybox
--pull never busybox
--cidfile cid busybox
-- busybox -x
--detach-keys ctrl-x busybox
registry.example:5000/a/b:tag@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
"""
CASES = [line for line in _SIMPLE.splitlines() if line]
_CREATED = {"Id": "c" * 64, "Warnings": []}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("create")
    (folder / "env.txt").write_text("\ufeff# comment\n\nX=file\n  LEADING=1\nHOME\nNOT_SET_ANYWHERE\nQ='q'\n")
    (folder / "labels.txt").write_text("a=file\nfrom.file=yes\n")
    (folder / "profile.json").write_text('{\n  "defaultAction": "SCMP_ACT_ALLOW",\n  "x": [1, 2.5, "é"]\n}\n')
    (folder / "config").mkdir()
    return folder


@pytest.fixture(scope="module", params=["1.50", "1.41"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeEngine]:
    with fake_engine(tmp_path_factory.mktemp("s") / "s", api_version=request.param) as engine:
        engine.answers["POST /containers/create"] = (201, _CREATED)
        yield engine


def _normal(body: dict[str, Any]) -> dict[str, Any]:
    """Docker goes through maps where it collects these, so their order is by chance."""
    for place, member in ((body, "Env"), (body["HostConfig"], "Binds")):
        if place[member]:
            place[member] = sorted(place[member])
    return body


@pytest.mark.parametrize("line", CASES)
def test_create_sends_what_docker_sends(
    line: str,
    engine: FakeEngine,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    skip_reworded(line)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DOCKER_HOST", engine.host)
    monkeypatch.delenv("SCOW_HOST", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(folder / "config"))
    monkeypatch.setenv("HOME", "/home/somebody")
    argv = [word for word in shlex.split(line) if not word.startswith("--detach-keys") and word != "ctrl-x"]
    engine.requests.clear()
    (folder / "cid").unlink(missing_ok=True)
    docker = subprocess.run(["docker", "create", *argv], capture_output=True, text=True, timeout=120)
    theirs = engine.sent("POST", "/containers/create")
    engine.requests.clear()
    (folder / "cid").unlink(missing_ok=True)
    status = main("docker", ["create", *argv])
    ours = engine.sent("POST", "/containers/create")
    captured = capfd.readouterr()
    theirs_err, ours_err = (re.sub(r'^time="\S+"', "", text) for text in (docker.stderr, captured.err))
    assert (status, captured.out, ours_err) == (docker.returncode, docker.stdout, theirs_err)
    assert [request.query for request in ours] == [request.query for request in theirs]
    assert [_normal(request.json()) for request in ours] == [_normal(request.json()) for request in theirs]


def test_the_cases_reach_every_member_that_an_option_can_set() -> None:
    """A new option must come with a line here."""
    from scow.cli.options.container_flags import CONTAINER_FLAGS

    words = {word.partition("=")[0] for line in CASES for word in shlex.split(line)}
    unused = {flag.name for flag in CONTAINER_FLAGS if f"--{flag.name}" not in words}
    shorts = {flag.name for flag in CONTAINER_FLAGS if flag.short and f"-{flag.short}" in words}
    windows_only = {flag.name for flag in CONTAINER_FLAGS if flag.server_os == "windows"}
    assert unused - shorts - windows_only == set()
