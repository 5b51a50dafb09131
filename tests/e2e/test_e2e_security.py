"""The OCI document as a container sees it: capabilities, seccomp, masked paths, mounts, devices, limits."""

import json
import os
from pathlib import Path

import pytest

from tests.support.clients import Client
from tests.support.daemons import Daemon

pytestmark = pytest.mark.reference

DEFAULT_CAPABILITIES = 0x00000000A80425FB
_STATUS = "grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status"
_V1 = "/sys/fs/cgroup/memory"


def status(client: Client, *options: str) -> dict[str, int]:
    """Security lines of /proc/self/status in a container started with ``options``."""
    out = client.text("run", "--rm", "--network", "none", *options, "busybox", "sh", "-c", _STATUS)
    fields = dict(line.split(":\t") for line in out.splitlines())
    return {name: int(value, 16) for name, value in fields.items()}


def test_default_capabilities_and_seccomp(client: Client) -> None:
    seen = status(client)
    assert seen["CapEff"] == seen["CapPrm"] == seen["CapBnd"] == DEFAULT_CAPABILITIES
    assert (seen["NoNewPrivs"], seen["Seccomp"]) == (0, 2)


def test_capabilities_are_added_dropped_and_lost_by_users(client: Client) -> None:
    net_admin, chown = 1 << 12, 1 << 0
    assert status(client, "--cap-add", "NET_ADMIN")["CapEff"] == DEFAULT_CAPABILITIES | net_admin
    assert status(client, "--cap-drop", "CAP_CHOWN")["CapEff"] == DEFAULT_CAPABILITIES & ~chown
    assert status(client, "--cap-drop", "ALL")["CapBnd"] == 0
    assert status(client, "--cap-drop", "all", "--cap-add", "chown")["CapEff"] == chown
    user = status(client, "-u", "app")
    assert (user["CapEff"], user["CapBnd"]) == (0, DEFAULT_CAPABILITIES)


def test_no_new_privileges_and_unconfined_seccomp(client: Client) -> None:
    seen = status(client, "--security-opt", "no-new-privileges", "--security-opt", "seccomp=unconfined")
    assert (seen["NoNewPrivs"], seen["Seccomp"]) == (1, 0)


def test_the_default_profile_refuses_dangerous_calls(client: Client) -> None:
    script = (
        "unshare -U true 2>&1; mount -t tmpfs none /tmp 2>&1; date -s 2000-01-01 2>&1 | head -1;"
        "hostname other 2>&1; ping -c1 127.0.0.1 >/dev/null && echo ping; chown app /tmp && echo chown"
    )
    out = client.text("run", "--rm", "busybox", "sh", "-c", script)
    assert out.count("Operation not permitted") >= 3
    assert "ping\nchown" in out


def test_a_profile_of_ones_own_is_used(client: Client, tmp_path: Path) -> None:
    profile = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": ["SCMP_ARCH_X86_64"],
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}],
    }
    path = tmp_path / "profile.json"
    path.write_text(json.dumps(profile))
    out = client.text(
        "run",
        "--rm",
        "--security-opt",
        f"seccomp={path}",
        "busybox",
        "sh",
        "-c",
        "mkdir /tmp/x 2>&1; echo alive",
    )
    assert out == "mkdir: can't create directory '/tmp/x': Operation not permitted\nalive"


def test_proc_and_sys_are_masked_and_read_only(client: Client) -> None:
    script = (
        "cat /proc/kcore /proc/keys /proc/timer_list 2>/dev/null | wc -c;"
        "ls /proc/scsi /sys/firmware 2>/dev/null | grep -v :;"
        "echo 1 >/proc/sys/kernel/domainname; mkdir /sys/fs/x; mkdir /sys/fs/cgroup/memory/x;"
        "echo 0 >/proc/irq/default_smp_affinity; true"
    )
    result = client("run", "--rm", "busybox", "sh", "-c", script)
    assert result.out.split() == ["0"]
    assert result.err.count("Read-only file system") == 4, result.err


def test_namespaces_are_new_or_shared_as_asked(client: Client) -> None:
    kinds = ("ipc", "mnt", "net", "pid", "uts")
    look = f"for kind in {' '.join(kinds)}; do readlink /proc/self/ns/$kind; done"
    own = [os.readlink(f"/proc/{client.daemon.pid}/ns/{kind}") for kind in kinds]
    fresh = client.text("run", "--rm", "busybox", "sh", "-c", look).split()
    assert not set(fresh) & set(own)
    shared = client.text(
        *("run", "--rm", "--pid", "host", "--ipc", "host", "--uts", "host", "--network", "host"),
        *("busybox", "sh", "-c", look),
    ).split()
    assert [kind for kind, a, b in zip(kinds, shared, own, strict=True) if a != b] == ["mnt"]
    client.start("--name", "donor", "--ipc", "shareable", "busybox", "sleep", "600")
    joined = client.text(
        "run", "--rm", "--ipc", "container:donor", "--pid", "container:donor", "busybox", "sh", "-c", look
    )
    donor = client.text("exec", "donor", "sh", "-c", look)
    assert [joined.split()[n] for n in (0, 3)] == [donor.split()[n] for n in (0, 3)]


def test_devices_are_the_few_and_the_rest_is_denied(client: Client) -> None:
    script = (
        "ls /dev | tr '\\n' ' '; echo; mknod /tmp/mem c 1 1 && cat /tmp/mem 2>&1 | head -1;"
        "head -c 4 /dev/zero | wc -c; head -c 4 /dev/urandom | wc -c; test -c /dev/extra && echo extra"
    )
    out = client("run", "--rm", "--device", "/dev/null:/dev/extra", "busybox", "sh", "-c", script).lines
    expected = {
        "core",
        "extra",
        "fd",
        "full",
        "mqueue",
        "null",
        "ptmx",
        "pts",
        "random",
        "shm",
        "stderr",
        "stdin",
    }
    # core: only in kernels that have /proc/kcore
    assert set(out[0].split()) | {"core"} == expected | {"stdout", "tty", "urandom", "zero"}
    assert out[1] == "cat: can't open '/tmp/mem': Operation not permitted"
    assert out[2:] == ["4", "4", "extra"]


@pytest.mark.needs(_V1)
def test_limits_are_in_the_control_groups_v1(client: Client) -> None:
    files = (
        "memory/memory.limit_in_bytes memory/memory.soft_limit_in_bytes memory/memory.swappiness "
        "cpu/cpu.shares cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us "
        "cpuset/cpuset.cpus cpuset/cpuset.mems pids/pids.max"
    )
    out = client(
        *(
            "run",
            "--rm",
            "-m",
            "64m",
            "--memory-reservation",
            "32m",
            "--memory-swappiness",
            "10",
            "-c",
            "512",
        ),
        *("--cpus", "0.25", "--cpuset-cpus", "0", "--cpuset-mems", "0", "--pids-limit", "50"),
        *("busybox", "sh", "-c", f"cd /sys/fs/cgroup; cat {files}"),
    ).lines
    assert out == ["67108864", "33554432", "10", "512", "25000", "100000", "0", "0", "50"]


def test_limits_bite(client: Client) -> None:
    script = "i=0; while [ $i -lt 40 ]; do sleep 5 & i=$((i+1)); done 2>&1 | grep -c fork; true"
    out = client("run", "--rm", "--pids-limit", "15", "busybox", "sh", "-c", script)
    assert "fork" in out.err + out.out or out.lines[0] != "0"


_DUMP = r"""
echo "== status"; grep -E '^(Cap|NoNewPrivs|Seccomp:|Uid|Gid|Groups|Umask)' /proc/self/status
echo "== limits"; cat /proc/self/limits
echo "== mounts"; awk '{split($0, half, " - "); split(half[2], right, " "); print $5, $6, right[1]}' \
    /proc/self/mountinfo
echo "== dev"
ls -ln /dev | awk '{print $1, $3, $4, $5, $6, $NF}' | grep -v ^total
echo "== env"; env | grep -v HOSTNAME
echo "== root"; ls -ln / /etc | awk '{print $1, $3, $4, $NF}' | grep -v ^total
echo "== oom"; cat /proc/self/oom_score_adj
echo "== sysctl"; cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv4/ping_group_range
echo "== hosts"; sed 's/^[0-9.]*\t[0-9a-f]*$/ADDRESS\tNAME/; s/::0\t/::\t/' /etc/hosts
echo "== resolv"; grep '^[^#]' /etc/resolv.conf
echo "== stdin"; ls -l /proc/self/fd | wc -l
"""


def sections(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("== "):
            current = found.setdefault(line[3:], [])
        else:
            current.append(line)
    # Docker masks these two since version 28; the reference is older.
    newer = ("/proc/interrupts", "/sys/devices/system/cpu/cpu0/thermal_throttle")
    return {
        name: sorted(line for line in lines if not line.startswith(newer)) for name, lines in found.items()
    }


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["-u", "app"],
        ["--read-only", "--tmpfs", "/t", "-v", "/vol"],
        ["--network", "none", "--shm-size", "1m"],
    ],
)
def test_a_container_looks_as_dockerds_does(scow_daemon: Daemon, dockerd: Daemon, options: list[str]) -> None:
    # With dockerd's runtime; tests/e2e/test_e2e_runtimes.py has what crun does differently.
    seen = [
        sections(daemon.client("docker").text("run", "--rm", *runc, *options, "busybox", "sh", "-c", _DUMP))
        for daemon, runc in ((scow_daemon, ["--runtime", "runc"]), (dockerd, []))
    ]
    assert seen[0] == seen[1]
