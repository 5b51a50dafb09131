"""Names on networks: who is found where, by whom."""

from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st

from scow.network.dns.answers import Upstream
from scow.network.dns.directory import EndpointNames, NameDirectory, SandboxNames
from scow.network.dns.upstreams import choose_upstreams


def names(endpoint_id: str, *called: str, at: str) -> EndpointNames:
    return EndpointNames(endpoint_id, called, tuple(ip_address(it) for it in at.split()))


def on(directory: NameDirectory, *networks: str, links: dict[str, str] | None = None) -> SandboxNames:
    view = SandboxNames(directory)
    for network in networks:
        view.join(network, links)
    return view


def test_a_name_an_alias_and_an_address_are_found() -> None:
    directory = NameDirectory()
    directory.publish("n1", "Back.End", names("e1", "DB", "postgres", "0123456789ab", at="10.0.0.2 fd00::2"))
    view = on(directory, "n1")
    both = [ip_address("10.0.0.2"), ip_address("fd00::2")]
    for name in ("db", "postgres", "0123456789ab", "db.back.end", "postgres.back.end"):
        assert view.lookup(name) == both, name
    assert view.lookup("db.other") is None
    assert view.reverse(ip_address("fd00::2")) == "DB.back.end"
    assert view.reverse(ip_address("10.0.0.3")) is None


def test_names_of_a_network_that_is_not_joined_are_not_found() -> None:
    directory = NameDirectory()
    directory.publish("n1", "front", names("e1", "db", at="10.0.0.2"))
    view = on(directory, "n2")
    assert view.lookup("db") is None
    assert view.lookup("db.front") is None
    assert view.reverse(ip_address("10.0.0.2")) is None


def test_the_network_joined_first_comes_first_and_the_other_by_its_name() -> None:
    directory = NameDirectory()
    directory.publish("n1", "front", names("e1", "db", at="10.0.0.2"))
    directory.publish("n2", "back", names("e2", "db", at="10.1.0.2"))
    view = on(directory, "n2", "n1")
    assert view.lookup("db") == [ip_address("10.1.0.2")]
    assert view.lookup("db.front") == [ip_address("10.0.0.2")]
    view.leave("n2")
    assert view.lookup("db") == [ip_address("10.0.0.2")]
    assert view.lookup("db.back") is None


def test_all_that_share_an_alias_are_found() -> None:
    directory = NameDirectory()
    for number in (2, 3, 4):
        directory.publish("n1", "front", names(f"e{number}", f"web_{number}", "web", at=f"10.0.0.{number}"))
    found = on(directory, "n1").lookup("web")
    assert found is not None
    assert {str(it) for it in found} == {"10.0.0.2", "10.0.0.3", "10.0.0.4"}


def test_a_link_is_a_name_for_one_container_alone() -> None:
    directory = NameDirectory()
    directory.publish("n1", "front", names("e1", "db", at="10.0.0.2"))
    linked, other = on(directory, "n1", links={"Database": "DB"}), on(directory, "n1")
    assert linked.lookup("database") == [ip_address("10.0.0.2")]
    assert linked.lookup("database.front") == [ip_address("10.0.0.2")]
    assert other.lookup("database") is None
    directory.withdraw("n1", "e1")
    assert linked.lookup("database") is None
    directory.publish("n1", "front", names("e9", "db", at="10.0.0.9"))
    assert linked.lookup("database") == [ip_address("10.0.0.9")]


def test_a_rename_takes_the_old_name_away() -> None:
    directory = NameDirectory()
    directory.publish("n1", "front", names("e1", "old", at="10.0.0.2"))
    directory.publish("n1", "front", names("e1", "new", at="10.0.0.2"))
    view = on(directory, "n1")
    assert view.lookup("old") is None
    assert view.lookup("new") == [ip_address("10.0.0.2")]
    assert view.reverse(ip_address("10.0.0.2")) == "new.front"


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4), st.sampled_from("abc"))))
def test_what_is_found_is_what_was_published_and_not_withdrawn(
    changes: list[tuple[bool, int, str]],
) -> None:
    """Against the obvious model: a mapping of endpoints to names."""
    directory, model = NameDirectory(), dict[str, str]()
    for present, number, name in changes:
        endpoint = f"e{number}"
        if present:
            directory.publish("n", "net", names(endpoint, name, at=f"10.0.0.{number}"))
            model[endpoint] = name
        else:
            directory.withdraw("n", endpoint)
            model.pop(endpoint, None)
    view = on(directory, "n")
    for name in "abc":
        expected = {ip_address(f"10.0.0.{e[1:]}") for e, called in model.items() if called == name}
        assert set(view.lookup(name) or ()) == expected
    for number in range(5):
        called = model.get(f"e{number}")
        assert view.reverse(ip_address(f"10.0.0.{number}")) == (f"{called}.net" if called else None)


def test_own_servers_are_asked_from_the_container() -> None:
    own = choose_upstreams("nameserver 127.0.0.53\n", ["192.0.2.1", "127.0.0.1", "nonsense"])
    assert own == (Upstream("192.0.2.1"), Upstream("127.0.0.1"))


def test_the_hosts_servers_are_asked_where_they_can_be_reached() -> None:
    text = (
        "# comment\nsearch example.com\n"
        "nameserver 127.0.0.53\nnameserver  192.0.2.1 \nnameserver 2001:db8::1\nnameserver 192.0.2.2\n"
    )
    assert choose_upstreams(text, ()) == (
        Upstream("127.0.0.53", from_host=True),
        Upstream("192.0.2.1"),
        Upstream("2001:db8::1", from_host=True),
    )
    assert choose_upstreams("", ()) == ()
