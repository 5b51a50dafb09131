"""The grammars of options one by one; the whole create body is compared with Docker's elsewhere."""

from pathlib import Path
from typing import Any

import pytest

from scow.cli.flags import Flags
from scow.cli.options import (
    addresses,
    csv_fields,
    devices,
    environment,
    gpus,
    mounts,
    networks,
    policies,
    ports,
    security,
    sizes,
    ulimits,
    volumes,
)
from scow.cli.options.platforms import platform_query
from scow.errors import InvalidArgumentError


def _refusal(function: Any, *arguments: Any) -> str:
    with pytest.raises(InvalidArgumentError) as caught:
        function(*arguments)
    return caught.value.message


def _binding(address: str, port: str) -> dict[str, str]:
    return {"HostIp": address, "HostPort": port}


@pytest.mark.parametrize(
    ("spec", "pairs"),
    [
        ("80", [("80/tcp", _binding("", ""))]),
        ("8080:80/UDP", [("80/udp", _binding("", "8080"))]),
        ("127.0.0.1::80", [("80/tcp", _binding("127.0.0.1", ""))]),
        ("[::1]:8080:80", [("80/tcp", _binding("::1", "8080"))]),
        ("8080-8081:80-81", [("80/tcp", _binding("", "8080")), ("81/tcp", _binding("", "8081"))]),
        ("8000-8010:80", [("80/tcp", _binding("", "8000-8010"))]),
        ("80-81/", [("80/tcp", _binding("", "")), ("81/tcp", _binding("", ""))]),
    ],
)
def test_ports_are_taken_apart(spec: str, pairs: list[tuple[str, dict[str, str]]]) -> None:
    assert ports.parse_port_spec(spec) == pairs


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("", "no port specified: <empty>"),
        ("80:", "no port specified: 80:<empty>"),
        ("foo", "invalid containerPort: foo"),
        ("foo:80", "invalid hostPort: foo"),
        ("65536", "invalid containerPort: 65536"),
        ("80-82:90-91", "invalid ranges specified for container and host Ports: 90-91 and 80-82"),
        ("1.2.3.4.5:80:80", "invalid IP address: 1.2.3.4.5"),
        ("80/foo", "invalid proto: foo"),
    ],
)
def test_wrong_ports_are_refused(spec: str, message: str) -> None:
    assert _refusal(ports.parse_port_spec, spec) == message


def test_exposed_ports_join_the_published() -> None:
    found, bindings = ports.publish(["published=80,target=8080"], ["90-91/udp", "8080"])
    assert found == {"8080/tcp": {}, "90/udp": {}, "91/udp": {}}
    assert bindings == {"8080/tcp": [_binding("", "80")]}
    assert _refusal(ports.publish, ["a=b,c"], []) == (
        "invalid publish opts format (should be name=value but got 'c')"
    )
    assert _refusal(ports.publish, [], ["1:2"]) == "invalid port format for --expose: 1:2"
    assert _refusal(ports.publish, [], ["2-1"]) == (
        "invalid range format for --expose: 2-1, error: invalid range specified for port: 2-1"
    )


def test_volumes_with_a_source_are_binds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    binds, plain = volumes.binds_and_volumes(["/a:/b:ro", "name:/c", "./d:/e", "/f", "/a:/b:ro", "x"])
    assert binds == ["/a:/b:ro", "name:/c", f"{tmp_path}/d:/e"]
    assert plain == {"/f": {}, "x": {}}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("", "invalid empty volume spec"),
        (":/x", "invalid spec: :/x: empty section between colons"),
        ("a/b:", "invalid spec: a/b:: empty section between colons"),
        ("aa:/b:ro:x", "invalid spec: aa:/b:ro:x: too many colons"),
    ],
)
def test_wrong_volumes_are_refused(spec: str, message: str) -> None:
    assert _refusal(volumes.volume_source, spec) == message


def test_a_windows_drive_is_one_section() -> None:
    assert volumes.volume_source("c:\\x:/data") == "c:\\x"


def test_mounts_hold_what_was_given() -> None:
    assert mounts.parse_mount("type=bind,src=/a,dst=/b,readonly,bind-propagation=RSLAVE") == {
        "Type": "bind",
        "Source": "/a",
        "Target": "/b",
        "ReadOnly": True,
        "BindOptions": {"Propagation": "rslave"},
    }
    assert mounts.parse_mount("target=/b,volume-label=a=b,volume-opt=o=1") == {
        "Type": "volume",
        "Target": "/b",
        "VolumeOptions": {"Labels": {"a": "b"}, "DriverConfig": {"Options": {"o": "1"}}},
    }
    assert mounts.parse_mount("type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=1777")["TmpfsOptions"] == {
        "SizeBytes": 1 << 20,
        "Mode": 0o1777,
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("foo", "invalid field 'foo' must be a key=value pair"),
        ("a=b", "unexpected key 'a' in 'a=b'"),
        ("type=bind", "target is required"),
        ("type=,target=/x", "type is required"),
        ("target=/x,readonly=maybe", "invalid value for readonly: maybe"),
        ("type=bind,target=/x,volume-nocopy", "cannot mix 'volume-*' options with mount type 'bind'"),
        ("target=/x,tmpfs-size=1", "cannot mix 'tmpfs-*' options with mount type 'volume'"),
        ("type=tmpfs,target=/x,tmpfs-mode=9", "invalid value for tmpfs-mode: 9"),
        (
            "type=bind,target=/x,bind-recursive=writable",
            "option 'bind-recursive=writable' requires 'readonly' to be specified in conjunction",
        ),
        (
            "type=bind,target=/x,bind-recursive=no",
            'invalid value for bind-recursive: no (must be "enabled", "disabled", "writable", or "readonly")',
        ),
    ],
)
def test_wrong_mounts_are_refused(text: str, message: str) -> None:
    assert _refusal(mounts.parse_mount, text) == message


def test_fields_may_be_quoted() -> None:
    assert csv_fields.split_fields('a,"b,c","d""e",') == ["a", "b,c", 'd"e', ""]
    assert _refusal(csv_fields.split_fields, "") == "EOF"
    assert _refusal(csv_fields.split_fields, 'ab"c') == (
        'parse error on line 1, column 3: bare " in non-quoted-field'
    )
    assert _refusal(csv_fields.split_fields, '"ab"c') == (
        'parse error on line 1, column 4: extraneous or missing " in quoted-field'
    )


def test_the_environment_of_files_comes_first_and_names_take_the_callers_values(tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_bytes(b"\xef\xbb\xbfA=file\n# no\n\n  B=2\r\nCALLER\nUNSET\n")
    environ = {"CALLER": "mine"}
    assert environment.environment([str(path)], ["A=option", "CALLER", "UNSET"], environ) == [
        "A=file",
        "B=2",
        "CALLER=mine",
        "A=option",
        "CALLER=mine",
        "UNSET",
    ]
    assert environment.labels([str(path)], ["A=last", "x"]) == {"A": "last", "B": "2", "x": ""}
    assert environment.last_of_each_name(["A=1", "B", "A=2"]) == ["A=2", "B"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"=x\n", "no variable name on line '=x'"),
        (b"a b=x\n", "variable 'a b' contains whitespaces"),
        (b"ok=1\na=\xff\n", "invalid utf8 bytes at line 2: [97 61 255]"),
        (b"A=" + b"x" * 70000, "bufio.Scanner: token too long"),
    ],
)
def test_a_wrong_file_of_variables_is_named(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "env"
    path.write_bytes(data)
    assert _refusal(environment.read_lines, str(path), {}) == f"invalid env file ({path}): {reason}"


def test_a_missing_file_of_variables_is_named() -> None:
    assert _refusal(environment.read_lines, "/nope", {}) == "open /nope: no such file or directory"


def test_names_of_variables_and_labels_are_checked() -> None:
    assert _refusal(environment.validate_env, "=x") == "invalid environment variable: =x"
    assert _refusal(environment.validate_label, "=x") == "invalid label '=x': empty name"
    assert _refusal(environment.validate_label, "a b=x") == "label 'a b' contains whitespaces"


def test_addresses_get_their_normal_form() -> None:
    assert addresses.validate_ip(" ::FFFF:1.2.3.4 ") == "1.2.3.4"
    assert addresses.validate_ip("2001:DB8:0::1") == "2001:db8::1"
    for text in ("1.2.3", "01.2.3.4", "fe80::1%eth0", "[::1]", "x"):
        assert _refusal(addresses.validate_ip, text) == f"IP address is not correctly formatted: {text}"
    assert addresses.validate_extra_host("a=[::1]") == "a:::1"
    assert addresses.validate_extra_host("a:host-gateway") == "a:host-gateway"
    assert _refusal(addresses.validate_extra_host, "a") == 'bad format for add-host: "a"'
    assert _refusal(addresses.validate_extra_host, "a:b") == 'invalid IP address in add-host: "b"'
    assert addresses.validate_dns_search(" . ") == "."
    assert addresses.validate_dns_search("a-b.example.com.") == "a-b.example.com"
    assert _refusal(addresses.validate_dns_search, "1.2") == "1.2 is not a valid domain"
    for text in ("92:d0:c6:0a:29:33", "92-D0-C6-0A-29-33", "0200.5e10.0000.0001"):
        addresses.check_mac(text)
    for text in ("foo", "92:d0:c6:0a:29", "92:d0-c6:0a:29:33"):
        assert _refusal(addresses.check_mac, text) == f"{text} is not a valid mac address"
    assert _refusal(addresses.validate_link, "a:b:c") == "bad format for links: a:b:c"


@pytest.mark.parametrize(
    ("text", "source", "target", "mode"),
    [
        ("/dev/a", "/dev/a", "/dev/a", "rwm"),
        ("/dev//a/", "/dev/a", "/dev/a", "rwm"),
        ("/dev/a:r", "/dev/a", "/dev/a", "r"),
        ("/dev/a:/dev/b", "/dev/a", "/dev/b", "rwm"),
        ("/dev/a:/dev/b:mw", "/dev/a", "/dev/b", "mw"),
    ],
)
def test_devices_are_taken_apart(text: str, source: str, target: str, mode: str) -> None:
    assert devices.parse_device(text) == {
        "PathOnHost": source,
        "PathInContainer": target,
        "CgroupPermissions": mode,
    }


def test_wrong_devices_and_rates_are_refused() -> None:
    assert _refusal(devices.parse_device, "null") == "null is not an absolute path"
    assert _refusal(devices.parse_device, "/dev/a:/b:q") == "bad mode specified: q"
    assert _refusal(devices.parse_device, "a:b:c:d") == "bad format for path: a:b:c:d"
    assert _refusal(devices.validate_cgroup_rule, "c 1:3") == "invalid device cgroup format 'c 1:3'"
    assert _refusal(devices.parse_weight, "/dev/a:5") == "invalid weight for device: /dev/a:5"
    assert _refusal(devices.parse_byte_rate, "a:1") == "bad format for device path: a:1"
    assert devices.parse_byte_rate("/dev/a:1mb") == {"Path": "/dev/a", "Rate": 1 << 20}
    assert devices.split_devices(["vendor.com/class=x", "/dev/a:r"])[1] == ["vendor.com/class=x"]


def test_limits_of_processes_are_checked_and_sorted() -> None:
    assert ulimits.parse_ulimit("nofile=1:2") == {"Name": "nofile", "Soft": 1, "Hard": 2}
    assert ulimits.parse_ulimit("core=-1") == {"Name": "core", "Soft": -1, "Hard": -1}
    assert _refusal(ulimits.parse_ulimit, "x=1") == "invalid ulimit type: x"
    assert _refusal(ulimits.parse_ulimit, "core") == "invalid ulimit argument: core"
    assert "must be less than or equal to hard limit: 3 > 2" in _refusal(ulimits.parse_ulimit, "core=3:2")
    both = [ulimits.parse_ulimit(text) for text in ("nofile=1", "core=1", "nofile=2")]
    assert [(limit["Name"], limit["Soft"]) for limit in ulimits.unique_ulimits(both)] == [
        ("core", 1),
        ("nofile", 2),
    ]


def test_cpus_are_exact_billionths() -> None:
    for text, nano in (
        ("1.5", 1_500_000_000),
        (".000000001", 1),
        ("3/2", 1_500_000_000),
        ("5e-1", 500_000_000),
    ):
        assert sizes.parse_cpus(text) == nano
    assert _refusal(sizes.parse_cpus, "0.0000000001") == "value is too precise"
    for text in ("foo", "", ".", "1/0", "1e1000000000"):
        assert _refusal(sizes.parse_cpus, text) == f"failed to parse {text} as a rational number"
    assert sizes.parse_swap_size("-1") == -1


def test_gpus_are_a_device_request() -> None:
    assert gpus.parse_gpus("all")["Count"] == -1
    assert gpus.parse_gpus('"device=0,1"') == {
        "Driver": "",
        "Count": 0,
        "DeviceIDs": ["0", "1"],
        "Capabilities": [["gpu"]],
        "Options": {},
    }
    assert gpus.parse_gpus("capabilities=utility")["Count"] == 1
    assert _refusal(gpus.parse_gpus, "x") == (
        'invalid count (x): value must be either "all" or an integer: invalid syntax'
    )
    assert (
        _refusal(gpus.parse_gpus, "driver=a,driver=b")
        == "gpu request key 'driver' can be specified only once"
    )


def _network_flags(**given: Any) -> Flags:
    flags = Flags()
    names = ("network-alias", "link", "link-local-ip")
    flags.update({name: [] for name in names} | {"ip": "", "ip6": "", "mac-address": ""})
    flags.update({name.replace("_", "-"): value for name, value in given.items()})
    return flags


def test_a_network_about_which_nothing_is_said_is_left_to_the_engine() -> None:
    assert networks.endpoints([networks.Attachment("mine")], _network_flags()) == {}
    assert list(networks.endpoints([], _network_flags())) == ["default"]


def test_options_describe_the_first_network() -> None:
    both = [networks.parse_network("one"), networks.parse_network("name=two,alias=x,gw-priority=3")]
    found = networks.endpoints(both, _network_flags(ip="1.2.3.4", link=["a:b"]))
    assert found["one"]["IPAMConfig"] == {"IPv4Address": "1.2.3.4"}
    assert found["one"]["Links"] == ["a:b"]
    assert (found["two"]["Aliases"], found["two"]["GwPriority"], found["two"]["IPAMConfig"]) == (
        ["x"],
        3,
        None,
    )


@pytest.mark.parametrize(
    ("texts", "given", "message"),
    [
        (["a", "a"], {}, 'network "a" is specified multiple times'),
        (
            ["a", "host"],
            {},
            "conflicting options: cannot attach both user-defined and non-user-defined network-modes",
        ),
        (
            ["host"],
            {"network_alias": ["x"]},
            "network-scoped aliases are only supported for user-defined networks",
        ),
        (
            ["name=a,ip=1.2.3.4"],
            {"ip": "1.2.3.5"},
            "conflicting options: cannot specify both --ip and per-network IPv4 address",
        ),
        ([" "], {}, "no name set for network"),
    ],
)
def test_networks_that_do_not_fit_together_are_refused(
    texts: list[str], given: dict[str, Any], message: str
) -> None:
    attachments = [networks.parse_network(text) for text in texts]
    assert _refusal(networks.endpoints, attachments, _network_flags(**given)) == message


def test_the_long_notation_of_networks_is_checked() -> None:
    assert _refusal(networks.parse_network, "alias=x") == "network name/id is not specified"
    assert _refusal(networks.parse_network, "name=x,foo=bar") == "invalid field key foo"
    assert (
        _refusal(networks.parse_network, "name=x,gw-priority=y") == "invalid gw-priority (y): invalid syntax"
    )


def test_a_seccomp_profile_is_sent_as_text(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_text('{\n "a": [1, 2],\n "b": "é"\n}')
    options, unconfined = security.security_options([f"seccomp={path}", "no-new-privileges", "label:disable"])
    assert options == ['seccomp={"a":[1,2],"b":"é"}', "no-new-privileges", "label:disable"]
    assert not unconfined
    assert security.security_options(["systempaths=unconfined"]) == ([], True)
    assert security.security_options([]) == (None, False)
    assert _refusal(security.security_options, ["foo"]) == 'Invalid --security-opt: "foo"'
    assert _refusal(security.security_options, ["seccomp=/nope"]) == (
        "opening seccomp profile (/nope) failed: open /nope: no such file or directory"
    )


def test_capabilities_are_normalised() -> None:
    assert security.capabilities(["net_admin", "CAP_CHOWN", "all", "NET_ADMIN"]) == [
        "ALL",
        "CAP_CHOWN",
        "CAP_NET_ADMIN",
    ]
    assert security.capabilities([]) is None
    assert _refusal(security.validate_sysctl, "vm.x=1") == "sysctl 'vm.x=1' is not allowed"


def test_policies_are_read() -> None:
    assert policies.restart_policy("on-failure:5") == {"Name": "on-failure", "MaximumRetryCount": 5}
    assert policies.restart_policy("") == {"Name": "", "MaximumRetryCount": 0}
    assert _refusal(policies.restart_policy, ":5") == (
        "invalid restart policy format: no policy provided before colon"
    )
    assert _refusal(policies.restart_policy, "a:b") == (
        "invalid restart policy format: maximum retry count must be an integer"
    )
    assert _refusal(policies.log_config, "none", ["a=b"]) == "invalid logging opts for driver none"
    assert _refusal(policies.storage_options, ["a"]) == "invalid storage option"


def test_platforms_are_sent_as_json() -> None:
    assert platform_query("") == []
    assert platform_query("linux/arm/v7") == [
        ("platform", '{"architecture":"arm","os":"linux","variant":"v7"}')
    ]
