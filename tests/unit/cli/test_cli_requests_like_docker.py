"""The requests of ``scow`` are those of Docker's own command line, in order, with equal output."""

import base64
import json
import shlex
import subprocess
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from scow.cli.main import main
from tests.support.docker_cli import docker_cli_lacks, skip_reworded
from tests.support.fake_engine import FakeEngine, Request, fake_engine

pytestmark = pytest.mark.skipif(docker_cli_lacks() != "", reason=docker_cli_lacks())

_LINES = """
update -m 1g --memory-swap -1 --memory-reservation 100m --cpus 1.5 --cpu-shares 5 x y
update --cpu-period 1000 --cpu-quota 2000 --cpu-rt-period 1 --cpu-rt-runtime 2 --blkio-weight 100 x
update --cpuset-cpus 0 --cpuset-mems 0 --pids-limit -1 --restart on-failure:3 --kernel-memory 1g x
update --pids-limit 0 x
update --restart nope:x x
update --restart always:x x
update --memory x
commit x
commit -a me -m 'a b' -c 'CMD x' -c 'ENV a=b' -p=false x repo.example/a/b:tag
commit x name
commit x Name
commit x name@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
commit '' name
diff x
diff ''
diff nope
export x
export -o out x
export -o /nope/x x
export -o . x
export nope
save a b:c
save -o out a
save -o out --platform linux/arm64/v8 a
save --platform nope/// a
container prune -f
container prune -f --filter until=1h --filter label=a=b --filter label!=c
container prune
image prune -f
image prune -af --filter until=1h
image prune -a
network prune -f --filter label=x
network prune
volume prune -f
volume prune -af --filter label=x
volume prune -f --filter all=1
volume prune -a --filter all=1
volume prune
volume prune -a
system prune -f
system prune -af --volumes --filter label=x
system prune --volumes --filter until=1h
system prune
system prune -a --volumes --filter label=b --filter label!=a
system df
system df -v
system df --format json
system df -v --format '{{range .Images}}{{.ID}} {{.Containers}}{{end}}{{range .BuildCache}}{{.ID}}{{end}}'
network create n
network create -d macvlan -o parent=eth0 -o a --label x=y --internal --ipv6 --ipv4=false --attachable n
network create --scope swarm --ingress --config-only --config-from other n
network create --subnet 10.1.0.0/16 --ip-range 10.1.5.0/24 --gateway 10.1.0.1 --aux-address a=10.1.0.9 n
network create --subnet 10.1.0.0/16 --ipam-driver d --ipam-opt a=b n
network create --subnet fd00::/64 --gateway fd00::1 n
network create --subnet 10.1.0.0/16 --subnet 10.1.0.0/24 n
network create --subnet 10.1.0.0/16 --gateway 10.2.0.1 n
network create --subnet 10.1.0.0/16 --gateway 10.1.0.1,10.1.0.2 n
network create --subnet 10.1.0.0/16,10.2.0.0/16 --gateway 10.1.0.1,10.1.0.2 n
network create --subnet 10.1.0.0/16 --ip-range 10.2.0.0/24 n
network create --subnet 10.1.0.0/16 --ip-range nope n
network create --subnet 10.1.0.0/16 --aux-address a=10.2.0.1 n
network create --subnet 10.1.0.0/16 --subnet nope n
network create --gateway 10.1.0.1 n
network create --label =x n
network connect n x
network connect --ip 10.0.0.2 --ip6 fe80::1 --link a:b --alias c,d --link-local-ip 169.254.1.1 n x
network connect --driver-opt a=b --gw-priority -5 n x
network connect --driver-opt a n x
network connect --link a:b:c n x
network connect n ''
network disconnect n x
network disconnect -f n x
network disconnect '' x
network rm n nope
network rm -f nope
checkpoint ls x
checkpoint create x c
checkpoint create --leave-running --checkpoint-dir /d x c
checkpoint rm --checkpoint-dir /d x c
volume update --availability drain v
stats --no-stream x
stats --no-stream x --format '{{json .}}'
stats --no-stream --no-trunc x --format '{{.ID}} {{.Container}}'
stats --no-stream nope x
stats --no-stream --format '{{.Nope}}' x
pause x nope
unpause x
stop x nope
stop -s INT -t 5 x
restart -t 5 x
kill -s HUP x
rename x y
start x nope
start --checkpoint c x
rm -fv x nope
rm -l x
wait x
port x
top x
top x -o pid
inspect x
inspect --type network n
container inspect -s x
network inspect -v n
image inspect --platform linux/amd64 i
tag i j:k
rmi -f --no-prune i
logs --tail 5 -t --details --since 2024-01-01T00:00:00Z --until 1700000000 x
cp file x:/there
cp file x:/there/new
cp file x:/missing
cp folder x:/missing
cp folder/. x:/there
cp -a folder x:/there
cp -L link x:/there
cp link x:/there
cp file x:/link
cp file x:/device
cp nope x:/there
cp - x:/there
cp - x:/file
cp x:/file -
cp x:/file copied
cp x:/missing copied
cp x:/file nope/copied
cp -L x:/link copied
cp a b
cp x:a y:b
cp '' x:b
"""
# What an older engine is asked in another way, or not at all.
_DEPENDING = ("update ", "volume ", "system prune ", "network create ", "stop ", "save -o out --pl")
_CASES = [("1.50", line) for line in _LINES.splitlines() if line]
_CASES += [("1.41", line) for _, line in _CASES if line.startswith(_DEPENDING)]
_NOT_FOUND = (404, {"message": "No such thing: nope"})


def _stat(mode: int, target: str = "") -> str:
    stat = {"name": "n", "size": 5, "mode": mode, "mtime": "2024-01-01T00:00:00Z", "linkTarget": target}
    return base64.b64encode(json.dumps(stat).encode()).decode()


_PATHS = {
    "/there": _stat(1 << 31 | 0o755),
    "/file": _stat(0o644),
    "/link": _stat(1 << 27 | 0o777, "there"),
    "/device": _stat(1 << 26 | 0o600),
}


def _tar() -> bytes:
    out = BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo("file")
        member.size = 5
        archive.addfile(member, BytesIO(b"hello"))
    return out.getvalue()


def _archive(request: Request, sock: Any) -> Any:
    path = request.query.rpartition("path=")[2].replace("%2F", "/")
    known = "/there" if path == "/there" or request.method == "PUT" else path
    if known not in _PATHS:
        if request.method == "HEAD":
            sock.sendall(b"HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            sock.shutdown(1)
            return None
        return _NOT_FOUND
    if request.method == "PUT":
        return 200, None
    head = f"HTTP/1.1 200 OK\r\nConnection: close\r\nX-Docker-Container-Path-Stat: {_PATHS[known]}\r\n"
    body = b"" if request.method == "HEAD" else _tar()
    head += f"Content-Type: application/x-tar\r\nContent-Length: {len(body)}\r\n\r\n"
    sock.sendall(head.encode() + body)
    sock.shutdown(1)
    return None


_SAMPLE = {
    "id": "a" * 64,
    "name": "/x",
    "cpu_stats": {"cpu_usage": {"total_usage": 300}, "system_cpu_usage": 2000, "online_cpus": 2},
    "precpu_stats": {"cpu_usage": {"total_usage": 100}, "system_cpu_usage": 1000},
    "memory_stats": {"usage": 5_000_000, "limit": 100_000_000, "stats": {"inactive_file": 1_000_000}},
    "networks": {"eth0": {"rx_bytes": 1500, "tx_bytes": 20}, "eth1": {"rx_bytes": 1, "tx_bytes": 1}},
    "blkio_stats": {
        "io_service_bytes_recursive": [{"op": "Read", "value": 5}, {"op": "write", "value": 7000}, {"op": ""}]
    },
    "pids_stats": {"current": 3},
}
_USAGE = {
    "LayersSize": 1000,
    "Images": [
        {
            "Id": "sha256:" + "a" * 64,
            "Created": 1,
            "Size": 800,
            "SharedSize": 100,
            "Containers": 1,
            "RepoTags": ["busybox:latest"],
        },
        {
            "Id": "sha256:" + "b" * 64,
            "Created": 1,
            "Size": 300,
            "SharedSize": 100,
            "Containers": 0,
            "RepoTags": None,
        },
    ],
    "Containers": [
        {"Id": "c" * 64, "Names": ["/x"], "State": "running", "SizeRw": 50, "Created": 1, "Mounts": []},
        {"Id": "d" * 64, "Names": ["/y"], "State": "exited", "SizeRw": 70, "Created": 1, "Mounts": []},
    ],
    "Volumes": [
        {"Name": "used", "Driver": "local", "UsageData": {"RefCount": 1, "Size": 30}},
        {"Name": "free", "Driver": "local", "UsageData": {"RefCount": 0, "Size": 70}},
        {"Name": "unknown", "Driver": "nfs", "UsageData": {"RefCount": 0, "Size": -1}},
    ],
    "BuildCache": [
        {
            "ID": "cache1",
            "Type": "regular",
            "Size": 5,
            "InUse": True,
            "Shared": False,
            "UsageCount": 2,
            "CreatedAt": "2020-01-01T00:00:00Z",
            "LastUsedAt": "2020-01-02T00:00:00Z",
        },
        {
            "ID": "cache0",
            "Type": "regular",
            "Size": 9,
            "InUse": False,
            "Shared": True,
            "UsageCount": 0,
            "CreatedAt": "2020-01-01T00:00:00Z",
            "LastUsedAt": None,
        },
    ],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("here")
    (folder / "file").write_text("hello")
    (folder / "folder" / "sub").mkdir(parents=True)
    (folder / "folder" / "sub" / "deep").write_text("x" * 700)
    (folder / "link").symlink_to("file")
    return folder


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeEngine]:
    with fake_engine(tmp_path_factory.mktemp("s") / "s") as engine:
        container = {
            "Id": "a" * 64,
            "Name": "/x",
            "Config": {"Tty": False},
            "NetworkSettings": {"Ports": {"80/tcp": [{"HostIp": "::", "HostPort": "8080"}]}},
        }
        done = (204, None)
        engine.answers |= {
            **dict.fromkeys(
                [
                    f"POST /containers/x/{verb}"
                    for verb in ("pause", "unpause", "stop", "restart", "kill", "rename", "start")
                ],
                done,
            ),
            **dict.fromkeys(("POST /networks/n/connect", "POST /networks/n/disconnect"), (200, None)),
            **dict.fromkeys(
                [f"{method} /containers/x/archive" for method in ("HEAD", "GET", "PUT")], _archive
            ),
            "POST /containers/x/update": (200, {"Warnings": ["be careful"]}),
            "POST /containers/y/update": _NOT_FOUND,
            "POST /commit": (201, {"Id": "sha256:" + "a" * 64}),
            "GET /containers/x/changes": (
                200,
                [{"Kind": 0, "Path": "/a"}, {"Kind": 1, "Path": "/b c"}, {"Kind": 2, "Path": "/d"}],
            ),
            "GET /containers/x/export": (200, "archive"),
            "GET /images/get": (200, "archive"),
            "POST /containers/prune": (200, {"ContainersDeleted": ["a", "b"], "SpaceReclaimed": 1234567}),
            "POST /images/prune": (
                200,
                {"ImagesDeleted": [{"Untagged": "a:b"}, {"Deleted": "sha256:c"}], "SpaceReclaimed": 999},
            ),
            "POST /networks/prune": (200, {"NetworksDeleted": ["n"]}),
            "POST /volumes/prune": (200, {"VolumesDeleted": None, "SpaceReclaimed": 5}),
            "POST /build/prune": (200, {"CachesDeleted": ["one"], "SpaceReclaimed": 10}),
            "GET /system/df": (200, _USAGE),
            "POST /networks/create": (201, {"Id": "new", "Warning": ""}),
            "GET /networks/n": (200, {"Name": "n", "Id": "n", "Ingress": False}),
            "GET /networks/nope": _NOT_FOUND,
            "DELETE /networks/n": done,
            "DELETE /networks/nope": _NOT_FOUND,
            "GET /containers/x/checkpoints": (200, [{"Name": "c"}]),
            "POST /containers/x/checkpoints": (201, None),
            "DELETE /containers/x/checkpoints/c": done,
            "GET /volumes/v": (
                200,
                {
                    "Name": "v",
                    "ClusterVolume": {"ID": "i", "Version": {"Index": 7}, "Spec": {"Availability": "active"}},
                },
            ),
            "PUT /volumes/i": (200, None),
            "GET /containers/x/stats": (200, _SAMPLE),
            "GET /containers/nope/stats": _NOT_FOUND,
            "GET /containers/x/json": (200, container),
            "GET /containers/nope/json": _NOT_FOUND,
            "GET /containers/x/top": (200, {"Titles": ["PID", "CMD"], "Processes": [["1", "sh"]]}),
            "POST /containers/x/wait": (200, {"StatusCode": 3}),
            f"GET /containers/{'a' * 64}/logs": (200, None),
            "GET /images/i/json": (200, {"Id": "sha256:i"}),
            "POST /images/i/tag": (201, None),
            "DELETE /images/i": (200, [{"Untagged": "i"}]),
            "DELETE /containers/x": done,
            "DELETE /containers/nope": _NOT_FOUND,
        }
        engine.ping_headers["Docker-Experimental"] = "true"
        yield engine


def _shown(request: Request) -> tuple[str, str, str, object]:
    if request.path.endswith("/archive") and request.body:
        with tarfile.open(fileobj=BytesIO(request.body)) as archive:
            members = [
                (member.name, member.type, member.mode, member.size, member.linkname) for member in archive
            ]
        return request.method, request.path, request.query, sorted(members)
    body = request.json() if request.body else None
    return request.method, request.path, request.query, body


@pytest.mark.parametrize(("version", "line"), _CASES)
def test_the_requests_are_dockers(
    version: str,
    line: str,
    engine: FakeEngine,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    skip_reworded(line)
    engine.api_version = version
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DOCKER_HOST", engine.host)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.delenv("SCOW_HOST", raising=False)
    argv = shlex.split(line)
    results = []
    for run in (_docker, _ours):
        for name in ("out", "copied"):
            (folder / name).unlink(missing_ok=True)
        engine.requests.clear()
        status = run(argv)
        captured = capfd.readouterr()
        requests = [_shown(request) for request in engine.requests if request.path != "/_ping"]
        saved = [(folder / name).read_bytes() for name in ("out", "copied") if (folder / name).exists()]
        results.append(
            {
                "status": status,
                "out": captured.out,
                "err": captured.err,
                # Requests for several names go out side by side.
                "requests": sorted(requests, key=str),
                "saved": saved,
            }
        )
    assert results[1] == results[0]


def _docker(argv: list[str]) -> int:
    return subprocess.run(["docker", *argv], timeout=120, stdin=subprocess.DEVNULL).returncode


def _ours(argv: list[str]) -> int:
    return main("docker", argv)
