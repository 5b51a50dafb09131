import pytest

from scow.errors import InvalidArgumentError
from scow.runtime.identity import (
    ExtraHost,
    hostname_text,
    hosts_text,
    hosts_with_own,
    parse_extra_host,
    parse_resolv_conf,
    resolv_conf_text,
)

HOST = """\
# written by something
domain ignored.example
search a.example b.example
nameserver 127.0.0.53
nameserver 10.0.0.1
nameserver 2001:db8::1
nameserver not-an-address
options edns0 trust-ad
options ndots:2
sortlist 10.0.0.0/8
"""


def directives(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_hosts_name_the_loopback_extra_hosts_and_the_container() -> None:
    text = hosts_text(
        "web",
        "example.org",
        addresses=["172.17.0.2"],
        extra_hosts=["db:10.0.0.5", "gw:host-gateway", "six:[2001:db8::5]"],
        gateways=["172.17.0.1", "fd00::1"],
    )
    assert text == (
        "127.0.0.1\tlocalhost\n"
        "::1\tlocalhost ip6-localhost ip6-loopback\n"
        "fe00::\tip6-localnet\n"
        "ff00::\tip6-mcastprefix\n"
        "ff02::1\tip6-allnodes\n"
        "ff02::2\tip6-allrouters\n"
        "10.0.0.5\tdb\n"
        "172.17.0.1\tgw\n"
        "fd00::1\tgw\n"
        "2001:db8::5\tsix\n"
        "172.17.0.2\tweb.example.org web\n"
    )


@pytest.mark.parametrize(
    ("hostname", "domainname", "names"),
    [
        ("web", "", "web"),
        ("web.example.org", "", "web.example.org web"),
        ("web.example", "org", "web.example.org web"),
    ],
)
def test_a_name_with_dots_is_there_as_a_whole_and_by_its_first_part(
    hostname: str, domainname: str, names: str
) -> None:
    text = hosts_text(hostname, domainname, addresses=["172.17.0.2"])
    assert text.splitlines()[-1] == f"172.17.0.2\t{names}"
    assert hosts_with_own(text, hostname, domainname, ["172.17.0.2"]) == text


def test_hosts_without_ipv6_and_without_a_network() -> None:
    assert hosts_text("web", ipv6=False) == "127.0.0.1\tlocalhost\n"


def test_a_gateway_that_there_is_not_is_an_error() -> None:
    with pytest.raises(InvalidArgumentError, match=r"^unable to derive the IP value for host-gateway"):
        hosts_text("web", extra_hosts=["gw:host-gateway"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a:1.2.3.4", ExtraHost("a", "1.2.3.4")),
        ("a:::1", ExtraHost("a", "::1")),
        ("a:[::1]", ExtraHost("a", "::1")),
        ("a:host-gateway", ExtraHost("a", "host-gateway")),
    ],
)
def test_an_extra_host_is_split_at_its_first_colon(text: str, expected: ExtraHost) -> None:
    assert parse_extra_host(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a", 'bad format for add-host: "a"'),
        (":1.2.3.4", 'bad format for add-host: ":1.2.3.4"'),
        ("a:nope", 'invalid IP address in add-host: "nope"'),
    ],
)
def test_a_malformed_extra_host_is_an_error(text: str, message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        parse_extra_host(text)
    assert caught.value.message == message


def test_resolv_conf_is_read_as_the_c_library_reads_it() -> None:
    parsed = parse_resolv_conf(HOST)
    assert parsed.nameservers == ("127.0.0.53", "10.0.0.1", "2001:db8::1")
    assert parsed.search == ("a.example", "b.example")
    assert parsed.options == ("edns0", "trust-ad", "ndots:2")
    assert parsed.other == ("sortlist 10.0.0.0/8",)


def test_servers_that_a_container_cannot_reach_are_left_out() -> None:
    assert directives(resolv_conf_text(HOST)) == [
        "nameserver 10.0.0.1",
        "search a.example b.example",
        "options edns0 trust-ad ndots:2",
        "sortlist 10.0.0.0/8",
    ]
    assert "nameserver 2001:db8::1" in directives(resolv_conf_text(HOST, ipv6=True))


def test_public_servers_stand_in_where_none_is_left() -> None:
    left = directives(resolv_conf_text("nameserver 127.0.0.1"))
    assert left == ["nameserver 8.8.8.8", "nameserver 8.8.4.4"]


def test_the_hosts_network_has_the_hosts_servers() -> None:
    assert "nameserver 127.0.0.53" in directives(resolv_conf_text(HOST, host_network=True))


def test_what_the_container_asks_for_replaces_the_hosts() -> None:
    text = resolv_conf_text(HOST, nameservers=["127.0.0.1"], search=["."], options=["ndots:0"])
    assert directives(text) == ["nameserver 127.0.0.1", "options ndots:0", "sortlist 10.0.0.0/8"]


def test_hostname_is_a_line() -> None:
    assert hostname_text("web") == "web\n"


def test_own_addresses_in_etc_hosts_follow_the_networks() -> None:
    text = "127.0.0.1\tlocalhost\n10.1.0.2\tme.corp me\n10.9.9.9\tme.corp me\n10.1.0.2\tother\n# mine\n"
    changed = hosts_with_own(text, "me", "corp", ["10.2.0.2", "fd00::2"], ["10.9.9.9"])
    assert changed.splitlines() == [
        "127.0.0.1\tlocalhost",
        "10.9.9.9\tme.corp me",
        "10.1.0.2\tother",
        "# mine",
        "10.2.0.2\tme.corp me",
        "fd00::2\tme.corp me",
    ]
    assert hosts_with_own(changed, "me", "corp", ["10.2.0.2", "fd00::2"], ["10.9.9.9"]) == changed


def test_the_embedded_name_server_asks_all_others() -> None:
    host = "nameserver 127.0.0.53\nsearch corp\noptions edns0\n"
    text = resolv_conf_text(host, nameservers=["9.9.9.9"], embedded="127.0.0.11")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert lines == ["nameserver 127.0.0.11", "search corp", "options edns0 ndots:0"]
    assert "options ndots:2\n" in resolv_conf_text(host, options=["ndots:2"], embedded="127.0.0.11")
