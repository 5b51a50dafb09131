import os
import re
from pathlib import Path

import pytest

from scow.config import AddressPool, Config, Runtime, load
from scow.config.firewall_mark import parse_firewall_mark
from scow.errors import InvalidArgumentError, ScowError, UnsupportedError

NO_FILE = ("--config-file", "/dev/null")
MERGED = "merged configuration validation from file and command line flags failed: "


class FileLoader:
    """Loads what a file says; ``prefix`` is before what is wrong with it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.prefix = f"unable to configure the Docker daemon with file {path}: "

    def __call__(self, text: str, *argv: str) -> Config:
        self._path.write_text(text)
        return load(["--config-file", str(self._path), *argv], {})


@pytest.fixture
def with_file(tmp_path: Path) -> FileLoader:
    return FileLoader(tmp_path / "daemon.json")


def test_the_defaults_are_scows_own_places() -> None:
    config = load(NO_FILE, {})
    assert config.data_root == Path("/var/lib/scow")
    assert config.exec_root == Path("/run/scow")
    assert config.hosts == ("unix:///run/scow/scow.sock",)
    assert config.pidfile == Path("/run/scow/scowd.pid")
    assert config.bridge == "scow0"
    assert config.runtimes == {"runc": Runtime("runc")}
    assert config.idle_exit_s == 0


def test_the_pid_file_moves_with_the_exec_root() -> None:
    assert load([*NO_FILE, "--exec-root", "/x"], {}).pidfile == Path("/x/scowd.pid")
    assert load([*NO_FILE, "--exec-root", "/x", "-p", "/y"], {}).pidfile == Path("/y")


def test_proxies_come_from_the_file_before_the_environment(with_file: FileLoader) -> None:
    config = with_file('{"proxies": {"http-proxy": "http://p", "no-proxy": "a,b"}}')
    assert (config.http_proxy, config.https_proxy, config.no_proxy) == ("http://p", "", "a,b")
    config = load([*NO_FILE, "--http-proxy", "http://flag"], {"HTTP_PROXY": "http://no", "https_proxy": "s"})
    assert (config.http_proxy, config.https_proxy) == ("http://flag", "s")


def test_a_file_is_read_by_dockers_names(with_file: FileLoader) -> None:
    config = with_file(
        """{
        "hosts": ["tcp://127.0.0.1:2375", "127.0.0.1:2376"],
        "debug": true,
        "mtu": 9000,
        "data-root": "/data",
        "dns": ["8.8.8.8"],
        "log-opts": {"max-size": "1m"},
        "default-ulimits": {"nofile": {"Name": "nofile", "Soft": 1, "Hard": 2}},
        "default-shm-size": "1m",
        "default-address-pools": [{"base": "10.0.0.0/8", "size": 24}],
        "runtimes": {"crun": {"path": "/bin/crun", "runtimeArgs": ["--debug"]}},
        "default-runtime": "crun",
        "features": {"buildkit": true},
        "userland-proxy": false,
        "labels": ["a=b"],
        "storage-driver": "vfs",
        "storage-opts": ["overlay2.override_kernel_check=true"],
        "init": null
        }"""
    )
    assert config.hosts == ("tcp://127.0.0.1:2375", "tcp://127.0.0.1:2376")
    assert config.log_level == "debug"
    assert config.mtu == 9000
    assert config.data_root == Path("/data")
    assert config.dns == ("8.8.8.8",)
    assert config.log_opts == {"max-size": "1m"}
    assert [(limit.soft, limit.hard) for limit in config.default_ulimits] == [(1, 2)]
    assert config.default_shm_size_bytes == 1 << 20
    assert config.default_address_pools == (AddressPool("10.0.0.0/8", 24),)
    assert config.runtimes["crun"] == Runtime("/bin/crun", ("--debug",))
    assert config.features == {"buildkit": True}
    assert config.userland_proxy is False
    assert config.storage_driver == "vfs"
    assert config.storage_opts == ("overlay2.override_kernel_check=true",)
    assert config.init is False


@pytest.mark.parametrize("text", ["", "  \n", "{}", "\ufeff{}"])
def test_an_empty_file_is_the_defaults(with_file: FileLoader, text: str) -> None:
    assert with_file(text).mtu == 1500


def test_runtimes_of_file_and_flags_add_up(with_file: FileLoader) -> None:
    config = with_file('{"runtimes": {"a": {"path": "/a"}}}', "--add-runtime", "b=/b")
    assert set(config.runtimes) == {"runc", "a", "b"}


def test_a_file_that_was_asked_for_must_exist() -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        load(["--config-file", "/nope/daemon.json"], {})
    assert caught.value.message == (
        "unable to configure the Docker daemon with file /nope/daemon.json: open /nope/daemon.json: no such "
        "file or directory"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a":1', "invalid JSON: line 1 column 7: Expecting ',' delimiter"),
        ('{\n "a" 1}', "invalid JSON: line 2 column 6: Expecting ':' delimiter"),
        ("[]", "invalid JSON: expected an object"),
        ('{"x": 1, "bogus": 1}', "the following directives don't match any configuration option: bogus, x"),
        ('{"bridge": {"x": 1}}', "the following directives don't match any configuration option: x"),
        ('{"debug": "yes"}', 'debug: expected true or false, got "yes"'),
        ('{"mtu": "x"}', 'mtu: expected a number, got "x"'),
        ('{"mtu": true}', "mtu: expected a number, got true"),
        ('{"hosts": "x"}', 'hosts: expected a list of strings, got "x"'),
        ('{"default-shm-size": "x"}', "default-shm-size: invalid size: 'x'"),
        ('{"ip": "x"}', "ip: x is not an ip address"),
        ('{"log-opts": {"a": 1}}', 'log-opts: expected an object of strings, got {"a": 1}'),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_the_place(
    with_file: FileLoader, text: str, message: str
) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        with_file(text)
    assert caught.value.message == with_file.prefix + message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"log-level": "bad"}', "invalid logging level: bad"),
        ('{"mtu": -1}', "invalid default MTU: -1"),
        ('{"max-concurrent-downloads": -1}', "invalid max concurrent downloads: -1"),
        ('{"dns": ["x"]}', "x is not an ip address"),
        ('{"dns-search": ["a b"]}', "a b is not a valid domain"),
        ('{"labels": ["a"]}', "bad attribute format: a"),
        ('{"labels": ["a=b", "a=c"]}', "conflict labels for a=c and a=b"),
        ('{"runtimes": {"runc": {"path": "x"}}}', "runtime name 'runc' is reserved"),
        ('{"default-runtime": "zz"}', "specified default runtime 'zz' does not exist"),
        (
            '{"exec-opts": ["isolation=hyperv"]}',
            "invalid exec-opt (isolation=hyperv): option 'isolation' is only supported on windows",
        ),
        ('{"exec-opts": ["x=y"]}', "invalid exec-opt (x=y): unknown option: 'x'"),
        ('{"exec-opts": ["x"]}', "invalid exec-opt (x): must be formatted 'opt=value'"),
        (
            '{"default-ipc-mode": "host"}',
            'IPC mode "host" is not supported as default value; use "shareable" or "private"',
        ),
        (
            '{"default-cgroupns-mode": "z"}',
            'default cgroup namespace mode (z) is invalid; use "host" or "private"',
        ),
        ('{"hosts": ["x://y"]}', "invalid bind address (x://y): unsupported proto 'x'"),
        ('{"hosts": ["unix://a"]}', "invalid bind address (unix://a): not an absolute path"),
        ('{"hosts": ["tcp://a/b"]}', "invalid bind address (tcp://a/b): should not contain a path element"),
        (
            '{"registry-mirrors": ["ftp://x"]}',
            "invalid mirror: \"ftp://x\": no scheme specified: must use either 'https://' or 'http://'",
        ),
        ('{"bip": "10.0.0.1"}', "invalid bip: invalid CIDR address: 10.0.0.1"),
        ('{"fixed-cidr-v6": "10.0.0.0/8"}', "invalid fixed-cidr-v6: fixed-cidr-v6 is not an IPv6 subnet"),
        ('{"bip6": "10.0.0.1/8"}', "invalid bip6: bip6 is not an IPv6 subnet"),
        ('{"default-gateway-v6": "10.0.0.1"}', "default-gateway-v6: 10.0.0.1 is not an IPv6 address"),
        (
            '{"host-gateway-ips": ["10.0.0.1", "10.0.0.2"]}',
            "only one IPv4 host gateway IP address can be specified",
        ),
        (
            '{"default-address-pools": [{"base": "x", "size": 3}]}',
            'default-address-pools: invalid base prefix "x"',
        ),
        (
            '{"icc": false, "iptables": false}',
            "You specified --iptables=false with --icc=false. ICC=false uses iptables to function. Please "
            "set --icc or --iptables to true",
        ),
        (
            '{"default-address-pools": [{"base": "10.0.0.1/8", "size": 24}]}',
            'default-address-pools: invalid base prefix "10.0.0.1/8"',
        ),
        (
            '{"default-address-pools": [{"base": "10.0.0.0/16", "size": 8}]}',
            "default-address-pools: invalid size 8 for 10.0.0.0/16: it must be a prefix length from 16 to 32",
        ),
    ],
)
def test_a_setting_that_cannot_be_right_is_named(with_file: FileLoader, text: str, message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        with_file(text)
    assert caught.value.message == with_file.prefix + MERGED + message


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('{"userns-remap": "default"}', "userns-remap: default"),
        ('{"metrics-addr": "127.0.0.1:9323"}', "metrics-addr: 127.0.0.1:9323"),
        ('{"selinux-enabled": true}', "selinux-enabled: true"),
        ('{"features": {"cdi": true}}', "features: cdi"),
        ('{"exec-opts": ["native.cgroupdriver=systemd"]}', "exec-opts: native.cgroupdriver=systemd"),
    ],
)
def test_what_scow_cannot_honour_is_refused_by_name(with_file: FileLoader, text: str, name: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        with_file(text)
    assert (
        caught.value.message == f"{with_file.prefix}{MERGED}{name} is not supported by this version of scow"
    )


@pytest.mark.parametrize(
    "text",
    [
        '{"tls": false}',
        '{"iptables": false}',
        '{"metrics-addr": ""}',
        '{"builder": {}}',
        '{"builder": {"gc": {"enabled": true}}}',
        '{"features": {"x": false}}',
    ],
)
def test_what_changes_nothing_is_accepted(with_file: FileLoader, text: str) -> None:
    assert with_file(text).mtu == 1500


def test_a_setting_given_twice_names_both_values(with_file: FileLoader) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        with_file(
            '{"hosts": ["tcp://1.2.3.4:5", "unix:///x"], "debug": true, "labels": ["a=b"]}',
            *("-H", "unix:///s2", "-D", "--label=x=y"),
        )
    assert caught.value.message == with_file.prefix + (
        "the following directives are specified both as a flag and in the configuration file: "
        "debug: (from flag: true, from file: true), "
        "hosts: (from flag: [unix:///s2], from file: [tcp://1.2.3.4:5 unix:///x]), "
        "labels: (from flag: [x=y], from file: [a=b])"
    )


def test_a_bad_flag_alone_blames_no_file() -> None:
    with pytest.raises(ScowError, match=r"^invalid logging level: bad$"):
        load([*NO_FILE, "-l", "bad"], {})


@pytest.mark.parametrize(
    ("flag", "text"),
    [("--help", "Usage:  scowd"), ("--version", "scow version "), ("--validate", "configuration OK")],
)
def test_some_flags_print_and_leave(capsys: pytest.CaptureFixture[str], flag: str, text: str) -> None:
    with pytest.raises(SystemExit) as caught:
        load([*NO_FILE, flag], {})
    assert caught.value.code == 0
    assert text in capsys.readouterr().out


def test_validate_does_not_approve_what_is_wrong(with_file: FileLoader) -> None:
    with pytest.raises(InvalidArgumentError):
        with_file('{"mtu": -1}', "--validate")


def test_a_seccomp_profile_is_read_at_start(tmp_path: Path) -> None:
    profile = tmp_path / "profile.json"
    profile.write_text('{"defaultAction": "SCMP_ACT_LOG"}')
    assert load([*NO_FILE, "--seccomp-profile", str(profile)], {}).seccomp_profile == profile.read_text()
    assert load([*NO_FILE, "--seccomp-profile=unconfined"], {}).seccomp_profile == "unconfined"
    assert load([*NO_FILE, "--seccomp-profile=builtin"], {}).seccomp_profile == ""
    with pytest.raises(InvalidArgumentError, match=r"^opening seccomp profile \(/nope\) failed: "):
        load([*NO_FILE, "--seccomp-profile", "/nope"], {})


def test_sockets_of_a_service_manager_are_named() -> None:
    environ = {
        "LISTEN_PID": str(os.getpid()),
        "LISTEN_FDS": "3",
        "LISTEN_FDNAMES": "scow.socket::scow.socket",
    }
    assert load(NO_FILE, environ).inherited_sockets == {"scow.socket": 3, "4": 4, "5": 5}


def test_sockets_for_another_process_are_not_ours() -> None:
    assert load(NO_FILE, {"LISTEN_PID": "1", "LISTEN_FDS": "1"}).inherited_sockets == {}


def test_host_gateways_are_a_list_or_what_it_was_before(with_file: FileLoader) -> None:
    assert with_file('{"host-gateway-ips": ["10.0.0.1", "fd00::1"]}').host_gateway_ips == (
        "10.0.0.1",
        "fd00::1",
    )
    assert with_file('{"host-gateway-ip": "10.0.0.2"}').host_gateway_ips == ("10.0.0.2",)
    assert load([*NO_FILE, "--host-gateway-ip", "fd00::2"], {}).host_gateway_ips == ("fd00::2",)


def test_default_options_of_networks_add_up_by_driver(with_file: FileLoader) -> None:
    flags = ["bridge=a=1", "bridge=b=x=y", "macvlan=parent=eth0"]
    found = load([*NO_FILE, *(f"--default-network-opt={text}" for text in flags)], {})
    assert found.default_network_opts == {"bridge": {"a": "1", "b": "x=y"}, "macvlan": {"parent": "eth0"}}
    text = '{"default-network-opts": {"bridge": {"com.docker.network.driver.mtu": "1400"}}}'
    options = with_file(text).default_network_opts
    assert options == {"bridge": {"com.docker.network.driver.mtu": "1400"}}
    with pytest.raises(InvalidArgumentError, match="should be root-key=key=value"):
        load([*NO_FILE, "--default-network-opt", "bridge=x"], {})
    with pytest.raises(InvalidArgumentError, match="default-network-opts: expected an object like"):
        with_file('{"default-network-opts": {"bridge": "x"}}')


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2", (2, 0xFFFFFFFF)),
        ("2/3", (2, 3)),
        ("0x10/0xff", (16, 255)),
        ("0o17", (15, 0xFFFFFFFF)),
        ("017/0b11", (15, 3)),
        ("0xffff_ffff", (0xFFFFFFFF, 0xFFFFFFFF)),
    ],
)
def test_a_firewall_mark_is_read_as_go_reads_numbers(text: str, expected: tuple[int, int]) -> None:
    assert parse_firewall_mark(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("two", 'firewall mark "two": strconv.ParseUint: parsing "two": invalid syntax'),
        ("-1", 'firewall mark "-1": strconv.ParseUint: parsing "-1": invalid syntax'),
        ("08", 'firewall mark "08": strconv.ParseUint: parsing "08": invalid syntax'),
        ("1/", 'firewall mask "1/": strconv.ParseUint: parsing "": invalid syntax'),
        (
            "4294967296",
            'firewall mark "4294967296": strconv.ParseUint: parsing "4294967296": value out of range',
        ),
    ],
)
def test_a_firewall_mark_that_is_none_is_refused(text: str, reason: str) -> None:
    with pytest.raises(
        InvalidArgumentError, match=re.escape(f"invalid bridge-accept-fwmark: invalid {reason}")
    ):
        parse_firewall_mark(text)
