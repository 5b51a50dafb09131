"""DNS messages, what containers are told, and what is remembered of servers outside."""

import random
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scow.network.dns.answers import Upstream, answer
from scow.network.dns.cache import AnswerCache, KnownAnswers
from scow.network.dns.message import (
    AAAA,
    NO_ERROR,
    PTR,
    A,
    MessageError,
    Query,
    code_of,
    encode_name,
    failure,
    is_reply_to,
    is_truncated,
    lifetimes,
    parse_query,
    reply,
    reverse_address,
    truncated,
    with_id,
)

IPAddress = IPv4Address | IPv6Address


def question(name: str, kind: int = A, *, identity: int = 7, edns: int | None = None) -> bytes:
    opt = b"" if edns is None else b"\0" + struct.pack("!2HIH", 41, edns, 0, 0)
    head = struct.pack("!6H", identity, 0x0100, 1, 0, 0, 1 if opt else 0)
    return head + encode_name(name) + struct.pack("!2H", kind, 1) + opt


def addresses(data: bytes) -> list[IPAddress]:
    """Of an answer that is made of records with compressed names."""
    count = int.from_bytes(data[6:8], "big")
    at = data.index(b"\xc0\x0c")
    found = []
    for _ in range(count):
        size = int.from_bytes(data[at + 10 : at + 12], "big")
        found.append(ip_address(data[at + 12 : at + 12 + size]))
        at += 12 + size
    return found


@dataclass
class Neighbours:
    names: dict[str, list[IPAddress]] = field(default_factory=dict)
    upstreams: Sequence[Upstream] = (Upstream("192.0.2.1"),)
    short_names_stay: bool = False
    edition: int = 0

    def lookup(self, name: str) -> Sequence[IPAddress] | None:
        return self.names.get(name)

    def reverse(self, address: IPAddress) -> str | None:
        return next((f"{name}.net" for name, found in self.names.items() if address in found), None)


def asked(name: str, kind: int = A, edns: int | None = None) -> Query:
    return parse_query(question(name, kind, edns=edns))


def test_a_question_is_read() -> None:
    query = asked("Web.Example", AAAA, edns=1232)
    assert (query.id, query.name, query.kind, query.udp_bytes, query.edns) == (
        7,
        "web.example",
        AAAA,
        1232,
        True,
    )
    assert asked("x").udp_bytes == 512
    assert asked("x", edns=100).udp_bytes == 512
    assert asked("x", edns=65535).udp_bytes == 4096


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(11),
        question("a")[:-1],
        question("a")[:2] + b"\x81" + question("a")[3:],  # an answer
        question("a")[:2] + b"\x29" + question("a")[3:],  # an update
        struct.pack("!6H", 1, 0, 0, 0, 0, 0),
        struct.pack("!6H", 1, 0, 1, 0, 0, 0) + b"\xc0\x0c\0\1\0\1",  # a name that points at itself
        struct.pack("!6H", 1, 0, 1, 0, 0, 0) + b"\x40" + bytes(8),
        struct.pack("!6H", 1, 0, 1, 0, 0, 0) + (b"\x3f" + b"x" * 63) * 5 + b"\0\0\1\0\1",
        struct.pack("!6H", 1, 0, 1, 0, 0, 0) + b"\1a\0" + struct.pack("!2H", A, 3),  # CHAOS
    ],
)
def test_what_is_no_question(data: bytes) -> None:
    with pytest.raises(MessageError):
        parse_query(data)
    assert failure(data, 1)[:2] == (data[:2] if len(data) >= 12 and not data[2] & 0x80 else b"")


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        query = parse_query(data)
    except MessageError:
        return
    assert parse_query(data[:12] + query.question).name == query.name


def test_addresses_by_family() -> None:
    view = Neighbours({"db": [ip_address("10.0.0.2"), ip_address("fd00::2"), ip_address("10.0.0.3")]})
    four = answer(asked("db"), view, 512)
    assert four is not None
    assert sorted(map(str, addresses(four))) == ["10.0.0.2", "10.0.0.3"]
    six = answer(asked("DB", AAAA), view, 512)
    assert six is not None
    assert addresses(six) == [ip_address("fd00::2")]
    # Known, but not in this way: an answer without records, and nobody outside is asked.
    nothing = answer(asked("db", 15), view, 512)
    assert nothing is not None
    assert (code_of(nothing), nothing[6:8]) == (NO_ERROR, b"\0\0")


def test_replicas_come_in_any_order() -> None:
    random.seed(1)
    view = Neighbours({"web": [IPv4Address(f"10.0.0.{number}") for number in range(2, 6)]})
    firsts = {addresses(answer(asked("web"), view, 512) or b"")[0] for _ in range(100)}
    assert len(firsts) == 4


def test_names_that_are_not_ours_are_for_others() -> None:
    view = Neighbours({"db": [ip_address("10.0.0.2")]})
    assert answer(asked("example.org"), view, 512) is None
    assert answer(asked("short"), view, 512) is None
    view.short_names_stay = True
    assert answer(asked("example.org"), view, 512) is None
    kept = answer(asked("short"), view, 512)
    assert kept is not None
    assert kept[6:8] == b"\0\0"


def test_addresses_have_names() -> None:
    view = Neighbours({"db": [ip_address("10.0.0.2"), ip_address("fd00::2")]})
    for address in ("10.0.0.2", "fd00::2"):
        found = answer(asked(ip_address(address).reverse_pointer, PTR), view, 512)
        assert found is not None
        assert encode_name("db.net") in found
    assert answer(asked("9.0.0.10.in-addr.arpa", PTR), view, 512) is None
    assert reverse_address("0.10.in-addr.arpa") is None
    assert reverse_address("x.ip6.arpa") is None


def test_what_does_not_fit_says_so() -> None:
    many = [IPv4Address(0x0A000000 + number) for number in range(200)]
    query = asked("many")
    cut = reply(query, NO_ERROR, addresses=many, limit=512)
    assert len(cut) <= 512
    assert is_truncated(cut)
    assert len(addresses(cut)) == 30
    whole = reply(query, NO_ERROR, addresses=many)
    assert not is_truncated(whole)
    assert len(addresses(whole)) == 200
    assert is_truncated(truncated(query))


def test_only_the_right_answer_is_taken() -> None:
    query = asked("example.org")
    good = reply(query, NO_ERROR, addresses=[ip_address("192.0.2.7")], ttl_s=60)
    assert is_reply_to(good, query)
    assert not is_reply_to(with_id(good, 8), query)
    assert not is_reply_to(question("example.org"), query)
    assert not is_reply_to(reply(asked("example.com"), NO_ERROR), query)
    assert not is_reply_to(good[:15], query)


def test_answers_are_remembered_for_as_long_as_they_say() -> None:
    now = [1000.0]
    cache = AnswerCache(lambda: now[0])
    query = asked("example.org")
    data = reply(query, NO_ERROR, addresses=[ip_address("192.0.2.7")], ttl_s=30)
    cache.put("s", query, data)
    now[0] += 12
    other = parse_query(question("example.org", identity=99))
    found = cache.get("s", other)
    assert found is not None
    assert found[:2] == (99).to_bytes(2, "big")
    assert [ttl_s for _, ttl_s in lifetimes(found)] == [18]
    assert cache.get("another", query) is None
    now[0] += 18
    assert cache.get("s", query) is None


def test_what_is_remembered_is_bounded() -> None:
    cache = AnswerCache(lambda: 0.0)
    for number in range(2000):
        query = asked(f"host{number}.example")
        cache.put("s", query, reply(query, NO_ERROR, addresses=[ip_address("192.0.2.7")], ttl_s=30))
    kept = sum(cache.get("s", asked(f"host{number}.example")) is not None for number in range(2000))
    assert kept == 500


@given(st.binary(max_size=200))
def test_damaged_answers_are_not_remembered(noise: bytes) -> None:
    query = asked("example.org")
    cache = AnswerCache(lambda: 0.0)
    cache.put("s", query, reply(query, NO_ERROR)[:6] + struct.pack("!3H", 3, 0, 0) + query.question + noise)
    cache.get("s", query)


def test_an_answer_of_our_own_is_known_until_names_change() -> None:
    known, first, second = KnownAnswers(), question("db"), question("db", identity=9)
    found = reply(parse_query(first), NO_ERROR, addresses=[ip_address("10.0.0.2")])
    assert known.get(first, 1) is None
    known.put(first, 1, found)
    assert known.get(second, 1) == with_id(found, 9)
    assert known.get(second, 2) is None
    assert known.get(question("web"), 1) is None


def test_an_answer_whose_order_is_left_to_chance_is_made_anew() -> None:
    known, asked_for = KnownAnswers(), question("api")
    found = reply(
        parse_query(asked_for), NO_ERROR, addresses=[ip_address("10.0.0.2"), ip_address("10.0.0.3")]
    )
    known.put(asked_for, 1, found)
    assert known.get(asked_for, 1) is None
