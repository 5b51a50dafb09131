"""Facts of a recorded machine."""

from pathlib import Path

import pytest

from scow.linux import sysinfo


def _machine(root: Path, files: dict[str, str]) -> sysinfo.MachineFacts:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return sysinfo.read_machine_facts(str(root))


def test_facts_are_read_from_where_the_kernel_keeps_them(tmp_path: Path) -> None:
    facts = _machine(
        tmp_path,
        {
            "proc/meminfo": "MemTotal:    24684096 kB\nSwapTotal:       16 kB\nHugePages_Total:  5\n",
            "etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\n',
            "proc/sys/kernel/seccomp/actions_avail": "kill_process allow\n",
            "sys/module/apparmor/parameters/enabled": "Y\n",
            "sys/fs/selinux/enforce": "1",
            "proc/self/ns/cgroup": "",
            "proc/sys/net/ipv4/ip_forward": "1\n",
        },
    )
    assert (facts.memory_bytes, facts.swap_bytes) == (24684096 * 1024, 16 * 1024)
    assert (facts.os_name, facts.os_version) == ("Debian GNU/Linux 12 (bookworm)", "12")
    assert facts.seccomp
    assert facts.apparmor
    assert facts.selinux
    assert facts.cgroup_namespaces
    assert facts.ipv4_forwarding


def test_a_machine_that_says_nothing_has_nothing(tmp_path: Path) -> None:
    facts = _machine(tmp_path, {})
    assert (facts.memory_bytes, facts.os_name, facts.os_version) == (0, "Linux", "")
    assert not any((facts.seccomp, facts.apparmor, facts.selinux, facts.ipv4_forwarding))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("PRETTY_NAME='A B'\nVERSION_ID=3.19.1\n", ("A B", "3.19.1")),
        ('# PRETTY_NAME="no"\nPRETTY_NAME="quote \\" inside"\n', ('quote " inside', "")),
        ('PRETTY_NAME="unclosed\nVERSION_ID="1"\n', ("Linux", "1")),
        ("NAME=Void\n", ("Linux", "")),
    ],
)
def test_os_release_is_read_as_a_shell_would(text: str, found: tuple[str, str]) -> None:
    assert sysinfo.parse_os_release(text) == found


def test_cpu_time_of_the_host_counts_idle_and_leaves_guests_out(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/stat").write_text("cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1 1 1 1 1 1 1 1 1 1\n")
    assert sysinfo.host_cpu(str(tmp_path)) == (28 * 10_000_000, 1)
