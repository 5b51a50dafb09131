"""Flags of ``run`` about devices, limits, security, identity and names: what the container gets."""

import errno
import json
import os
from pathlib import Path

import pytest

from tests.support.archives import ArchiveImage, docker_archive
from tests.support.clients import Client
from tests.support.images import busybox_layer
from tests.support.waiting import wait_until

pytestmark = pytest.mark.reference


def in_container(client: Client, *args: str) -> list[str]:
    """Lines of ``run --rm OPTIONS busybox sh -c SCRIPT``; the script is the last of ``args``."""
    network = () if "--network" in args else ("--network", "none")
    return client("run", "--rm", *network, *args[:-1], "busybox", "sh", "-c", args[-1]).lines


def engine_capabilities(client: Client) -> int:
    for line in Path(f"/proc/{client.daemon.pid}/status").read_text().splitlines():
        if line.startswith("CapBnd:"):
            return int(line.split()[1], 16)
    raise AssertionError("no capabilities in /proc")


@pytest.mark.not_on_dockerd("asks for more than the machine has")
def test_privileged_and_all_give_what_the_engine_itself_has(client: Client) -> None:
    own = engine_capabilities(client)
    look = "grep CapEff /proc/self/status"
    for options in (("--privileged",), ("--cap-add", "ALL"), ("--cap-add", "all", "--cap-drop", "NET_RAW")):
        seen = int(in_container(client, *options, look)[0].split()[1], 16)
        assert seen == (own & ~(1 << 13) if "--cap-drop" in options else own), options
    client.start("--name", "plain", "busybox", "sleep", "600")
    inside = client.text("exec", "--privileged", "plain", "sh", "-c", look)
    assert int(inside.split()[1], 16) == own
    assert client.inspect("plain", "{{json .HostConfig.CapAdd}}") == "null"


@pytest.mark.not_on_dockerd("asks for more than the machine has")
def test_a_privileged_container_has_all_devices_and_may_mount(client: Client) -> None:
    out = in_container(
        client,
        "--privileged",
        "mount -t tmpfs t /tmp && echo mounted; grep Seccomp: /proc/self/status; touch /sys/kernel/x 2>&1;"
        "cat /proc/sys/kernel/hostname >/proc/sys/kernel/hostname && echo writable; ls /dev",
    )
    assert out[0] == "mounted"
    assert out[1].split() == ["Seccomp:", "0"]
    assert "Read-only" not in out[2]
    assert "writable" in out
    # Loop devices come with the file systems of other tests; some names are the machine's own, like "log".
    devices = {entry.name for entry in os.scandir("/dev") if not entry.is_dir() and entry.name[:4] != "loop"}
    assert len(devices - set(out)) <= 5, devices - set(out)


def test_devices_by_path_symlink_and_folder(client: Client, tmp_path: Path) -> None:
    link, folder = tmp_path / "link", tmp_path / "devices"
    link.symlink_to("/dev/full")
    folder.mkdir()
    os.mknod(folder / "kmsg-like", 0o600 | 0o020000, os.makedev(1, 7))
    out = in_container(
        client,
        *(
            "--device",
            "/dev/full:/dev/ro:r",
            "--device",
            f"{link}:/dev/linked",
            "--device",
            f"{folder}:/dev/many",
        ),
        "ls -l /dev/ro /dev/linked /dev/many/kmsg-like | awk '{print $1, $5, $6, $NF}';"
        "head -c1 /dev/ro | wc -c",
    )
    assert out == [
        "crw-rw-rw- 1, 7 /dev/linked",
        "crw------- 1, 7 /dev/many/kmsg-like",
        "crw-rw-rw- 1, 7 /dev/ro",
        "1",
    ]
    error = client("run", "--rm", "--device", "/dev/nosuch", "busybox", code=127).err
    assert (
        'error gathering device information while adding custom device "/dev/nosuch": no such file' in error
    )
    error = client("run", "--rm", "--device", "/etc/passwd", "busybox", code=125).err
    assert 'adding custom device "/etc/passwd": not a device node' in error


@pytest.mark.needs("/sys/fs/cgroup/devices")
def test_the_device_group_allows_what_rules_say(client: Client) -> None:
    script = "mknod /tmp/mem c 1 1; head -c0 /tmp/mem 2>&1; dd if=/tmp/mem of=/dev/null count=0 2>&1; true"
    assert "not permitted" in "".join(in_container(client, script))
    allowed = in_container(client, "--device-cgroup-rule", "c 1:* rwm", script)
    assert "not permitted" not in "".join(allowed)


def test_sysctls_of_namespaces_are_set_and_others_refused(client: Client) -> None:
    out = in_container(
        client,
        *("--sysctl", "net.ipv4.ip_local_port_range=1024 2048", "--sysctl", "kernel.msgmax=4096"),
        "cat /proc/sys/net/ipv4/ip_local_port_range /proc/sys/kernel/msgmax",
    )
    assert [line.split() for line in out] == [["1024", "2048"], ["4096"]]
    for options in (
        ("--sysctl", "vm.swappiness=1"),
        ("--network", "host", "--sysctl", "net.ipv4.ip_forward=1"),
        ("--ipc", "host", "--sysctl", "kernel.msgmax=4096"),
    ):
        error = client("run", "--rm", *options, "busybox", "true", code=125).err
        assert "sysctl" in error


def test_what_the_machine_cannot_give_is_refused_by_name(client: Client) -> None:
    for options, message in (
        (("--gpus", "all"), 'could not select device driver "" with capabilities: [[gpu]]'),
        (
            ("--storage-opt", "size=1g"),
            "--storage-opt is supported only for overlay over xfs with 'pquota' mount",
        ),
        (("--runtime", "nosuch"), "nosuch"),
        (("--isolation", "hyperv"), "hyperv"),
    ):
        error = client("run", "--rm", *options, "busybox", "true", code=125).err
        assert message in error


def test_oom_settings_and_limits_are_in_the_process_and_its_group(client: Client) -> None:
    out = in_container(
        client,
        *("--oom-score-adj", "321", "--ulimit", "nofile=100:200", "--ulimit", "core=-1", "--shm-size", "2m"),
        "cat /proc/self/oom_score_adj; ulimit -Sn; ulimit -Hn; df -k /dev/shm | awk 'END{print $2}'",
    )
    assert out == ["321", "100", "200", "2048"]


def test_an_exec_is_as_dear_to_the_oom_killer_as_its_container(client: Client) -> None:
    container = client.text("run", "-d", "--oom-score-adj", "321", "busybox", "sleep", "600")
    look = ("sh", "-c", "read go; cat /proc/self/oom_score_adj")
    assert client.text("exec", "-i", container, *look, input="go\n") == "321"


@pytest.mark.needs("/sys/fs/cgroup/memory")
def test_memory_and_block_limits_are_in_the_control_groups_v1(client: Client) -> None:
    out = in_container(
        client,
        *(
            "-m",
            "64m",
            "--memory-swap",
            "128m",
            "--oom-kill-disable",
            "--cpu-period",
            "50000",
            "--cpu-quota",
            "25000",
        ),
        *("--device-read-bps", "/dev/loop0:1mb", "--device-write-iops", "/dev/loop0:10")
        if Path("/dev/loop0").exists()
        else (),
        "cd /sys/fs/cgroup; cat memory/memory.oom_control | head -1;"
        "cat cpu/cpu.cfs_period_us cpu/cpu.cfs_quota_us;"
        "cat memory/memory.memsw.limit_in_bytes 2>/dev/null || echo 134217728;"
        "cat blkio/blkio.throttle.read_bps_device blkio/blkio.throttle.write_iops_device",
    )
    assert out[:4] == ["oom_kill_disable 1", "50000", "25000", "134217728"]
    assert out[4:] in (["7:0 1048576", "7:0 10"], [])
    assert "stat /dev/nosuch: no such file" in client(
        "run", "--rm", "--device-read-bps", "/dev/nosuch:1mb", "busybox", code=127
    ).err  # fmt: skip


def test_the_control_group_is_below_the_parent_that_was_asked_for(client: Client) -> None:
    name = f"scow-test-{os.getpid()}"
    out = in_container(client, "--cgroup-parent", f"/{name}/inner", "cat /proc/self/cgroup")
    assert any(f"/{name}/inner/" in line for line in out)
    wait_until(lambda: _removed(name), "the groups above it are empty")


def _removed(name: str) -> bool:
    """Remove the group that a test asked for, with the one in it; False while something is in there."""
    for controller in Path("/sys/fs/cgroup").iterdir():
        for path in (controller / name / "inner", controller / name):
            try:
                path.rmdir()
            except OSError as exc:
                if exc.errno == errno.EBUSY:
                    return False
    return True


def test_names_for_the_resolver_come_from_flags(client: Client) -> None:
    out = in_container(
        client,
        *("--network", "bridge", "--dns", "192.0.2.53", "--dns", "192.0.2.54", "--dns-search", "a.example"),
        *(
            "--dns-search",
            "b.example",
            "--dns-option",
            "ndots:3",
            "--hostname",
            "boat",
            "--domainname",
            "sea.example",
        ),
        *("--add-host", "api:192.0.2.7", "--add-host", "six:2001:db8::1", "--add-host", "gate:host-gateway"),
        "cat /etc/resolv.conf; hostname -f; cat /etc/hosts; cat /proc/sys/kernel/domainname; ip route",
    )
    lines = [line for line in out if not line.startswith("#")]
    for expected in (
        *("nameserver 192.0.2.53", "nameserver 192.0.2.54", "search a.example b.example", "options ndots:3"),
        *(
            "boat.sea.example",
            "192.0.2.7\tapi",
            "2001:db8::1\tsix",
            "::1\tlocalhost ip6-localhost ip6-loopback",
        ),
        "sea.example",
    ):
        assert expected in lines
    gateway = next(line.split()[2] for line in lines if line.startswith("default via"))
    assert f"{gateway}\tgate" in lines
    assert any(line.endswith("\tboat.sea.example boat") for line in lines)
    of_the_host = in_container(client, "--network", "host", "cat /etc/hosts")
    assert of_the_host == Path("/etc/hosts").read_text().splitlines()
    added = in_container(client, "--network", "host", "--add-host", "gate:host-gateway", "cat /etc/hosts")
    assert f"{gateway}\tgate" in added
    assert "127.0.0.1\tlocalhost" in added
    empty = in_container(client, "--network", "bridge", "--dns-search", ".", "cat /etc/resolv.conf")
    assert not [line for line in empty if line.startswith("search")]


def test_a_host_name_with_dots_is_in_hosts_by_its_first_part_too(client: Client) -> None:
    for flags in (("--hostname", "a.b.c"), ("--hostname", "a.b", "--domainname", "c")):
        out = in_container(client, "--network", "bridge", *flags, "cat /etc/hosts")
        assert out[-1].partition("\t")[2] == "a.b.c a"


def test_a_working_directory_is_made_for_root(client: Client) -> None:
    out = in_container(client, "-u", "app", "-w", "/made/for/you", "pwd; stat -c '%U %a' /made/for/you /made")
    assert out == ["/made/for/you", "root 755", "root 755"]
    error = client("create", "-w", "relative", "busybox", code=1).err
    assert "the working directory 'relative' is invalid, it needs to be an absolute path" in error
    error = client("run", "--rm", "-w", "/etc/passwd", "busybox", code=125).err
    assert "Error response from daemon: Cannot mkdir: /etc/passwd is not a directory" in error


def test_users_that_the_image_does_not_know_are_refused(client: Client) -> None:
    for user, message in (
        ("nosuch", "unable to find user nosuch: no matching entries in passwd file"),
        ("0:nosuch", "unable to find group nosuch: no matching entries in group file"),
    ):
        assert message in client("run", "--rm", "-u", user, "busybox", code=125).err
    error = client("run", "--rm", "--group-add", "nosuch", "busybox", code=125).err
    assert "find group nosuch: no matching entries in group file" in error


def test_security_options_in_all_their_forms(client: Client, tmp_path: Path) -> None:
    look = "grep -E 'NoNewPrivs|Seccomp:' /proc/self/status | awk '{print $2}'; cat /proc/keys | wc -c"
    options = ("--security-opt", "no-new-privileges=true", "--security-opt", "systempaths=unconfined")
    out = in_container(client, *options, look)
    assert out[:2] == ["1", "2"]
    assert int(out[2]) > 0
    client(
        "run", "--rm", "--security-opt", "label=disable", "--security-opt", "apparmor=unconfined", "busybox"
    )
    made = client.text("create", "--security-opt", "label=level:s0:c100,c200", "busybox")
    assert client.inspect(made, "{{json .HostConfig.SecurityOpt}}") == '["label=level:s0:c100,c200"]'
    broken = tmp_path / "broken.json"
    broken.write_text('{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": 7}]}')
    error = client("run", "--rm", "--security-opt", f"seccomp={broken}", "busybox", code=125).err
    assert "ecoding seccomp profile failed" in error
    for bogus in ("bogus=1", "no-new-privileges=perhaps"):
        error = client("create", "--security-opt", bogus, "busybox", code=1).err
        assert "invalid --security-opt" in error


def test_ports_are_exposed_and_published_at_random(client: Client) -> None:
    made = client.start("-P", "--expose", "7777", "--expose", "8000-8001/udp", "busybox", "sleep", "600")
    ports = json.loads(client.inspect(made, "{{json .NetworkSettings.Ports}}"))
    assert set(ports) == {"7777/tcp", "8000/udp", "8001/udp"}
    chosen = {(name[-3:], int(bindings[0]["HostPort"])) for name, bindings in ports.items()}
    assert len(chosen) == 3
    assert all(port > 1024 for _, port in chosen)


@pytest.mark.not_on_dockerd("the command line asks for API 1.44")
def test_a_mac_address_of_ones_own(client: Client) -> None:
    made = client.start("--mac-address", "92:d0:c6:0a:29:33", "busybox", "sleep", "600")
    assert client.text("exec", made, "cat", "/sys/class/net/eth0/address") == "92:d0:c6:0a:29:33"
    shown = client.inspect(made, "{{range .NetworkSettings.Networks}}{{.MacAddress}}{{end}}")
    assert shown == "92:d0:c6:0a:29:33"


def test_stop_settings_and_annotations_are_kept_and_checked(client: Client) -> None:
    made = client.text("create", "--stop-signal", "SIGUSR2", "--stop-timeout", "3", "busybox")
    assert client.inspect(made, "{{.Config.StopSignal}} {{.Config.StopTimeout}}") == "SIGUSR2 3"
    error = client("create", "--stop-signal", "SIGNOSUCH", "busybox", code=1).err
    assert "nvalid signal: SIGNOSUCH" in error


@pytest.mark.not_on_dockerd("newer than 20.10")
def test_annotations_reach_the_settings(client: Client) -> None:
    made = client.text("create", "--annotation", "a.b=c", "busybox")
    assert client.inspect(made, "{{json .HostConfig.Annotations}}") == '{"a.b":"c"}'


@pytest.mark.not_on_dockerd("says it in other words")
def test_a_foreign_image_is_warned_of_and_not_found_by_a_platform_it_is_not(client: Client) -> None:
    override = {"architecture": "arm64", "variant": "v8"}
    image = ArchiveImage([busybox_layer()], ["foreign:latest"], override=override)
    client.daemon.load(docker_archive([image]))
    result = client("create", "foreign")
    assert (
        "WARNING: The requested image's platform (linux/arm64/v8) does not match the detected host platform "
        "(linux/amd64"
    ) in result.err
    assert client("create", "--platform", "linux/arm64", "foreign").err == ""
    error = client("create", "--pull", "never", "--platform", "linux/arm64", "busybox", code=1).err
    assert "image with reference busybox was found but its platform (linux/amd64) does not match" in error
    assert client("create", "--platform", "linux/amd64", "busybox").err == ""
