import pytest
from hypothesis import given
from hypothesis import strategies as st

from scow.api.http.head import MAX_HEADERS, MAX_TARGET_BYTES, Head, RefusedError, parse_head


def head_of(*lines: str) -> Head:
    return parse_head("\r\n".join([*lines, "", ""]).encode("latin-1"))


def test_method_target_and_lower_case_header_names_are_read() -> None:
    head = head_of(
        "POST /v1.50/containers/create?name=x HTTP/1.1", "Host: d", "Content-TYPE:  application/json "
    )
    assert (head.method, head.target) == ("POST", "/v1.50/containers/create?name=x")
    assert head.headers == {"host": "d", "content-type": "application/json"}


def test_repeated_headers_are_joined() -> None:
    assert head_of("GET / HTTP/1.1", "Accept: a", "Accept: b").headers["accept"] == "a, b"


def test_a_request_without_length_has_no_body() -> None:
    assert head_of("POST / HTTP/1.1").content_length == 0


def test_a_chunked_body_has_no_length() -> None:
    head = head_of("POST / HTTP/1.1", "Transfer-Encoding: Chunked")
    assert head.chunked
    assert head.content_length is None


@pytest.mark.parametrize(
    ("lines", "keep"),
    [
        (["GET / HTTP/1.1"], True),
        (["GET / HTTP/1.1", "Connection: close"], False),
        (["GET / HTTP/1.1", "Connection: Upgrade", "Upgrade: tcp"], True),
        (["GET / HTTP/1.0"], False),
        (["GET / HTTP/1.0", "Connection: Keep-Alive"], True),
    ],
)
def test_keep_alive_follows_version_and_connection(lines: list[str], keep: bool) -> None:
    assert head_of(*lines).keep_alive is keep


def test_an_upgrade_leaves_the_head_readable() -> None:
    head = head_of("POST /exec/x/start HTTP/1.1", "Connection: Upgrade", "Upgrade: tcp", "Content-Length: 2")
    assert (head.upgrade, head.content_length) == ("tcp", 2)


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["GET / HTTP/1.1", "Content-Length: 1", "Content-Length: 2"], 400),
        (["GET / HTTP/1.1", "Content-Length: -1"], 400),
        (["GET / HTTP/1.1", "Content-Length: 0x10"], 400),
        (["GET / HTTP/1.1", "Content-Length: 99999999999999999999999"], 400),
        (["GET / HTTP/1.1", "Content-Length: 1", "Transfer-Encoding: chunked"], 400),
        (["GET / HTTP/1.1", "Transfer-Encoding: gzip, chunked"], 501),
        (["GET / HTTP/1.1", "Expect: miracles"], 417),
        (["GET / HTTP/1.1", "No colon"], 400),
        (["GET / HTTP/1.1", "Name : value"], 400),
        (["GET / HTTP/1.1", "A: b", " folded"], 400),
        (["GET / HTTP/2.0"], 505),
        (["GET /"], 505),
        (["BREW / HTTP/1.1"], 400),
        (["PRI * HTTP/2.0"], 505),
        (["GET /" + "a" * MAX_TARGET_BYTES + " HTTP/1.1"], 414),
        (["GET / HTTP/1.1", *(f"A{n}: b" for n in range(MAX_HEADERS + 1))], 431),
    ],
)
def test_what_breaks_the_grammar_is_refused(lines: list[str], status: int) -> None:
    with pytest.raises(RefusedError) as caught:
        head_of(*lines)
    assert caught.value.status == status


def status_of(data: bytes) -> int:
    """What a client would get for ``data``: 200, or the status of the refusal."""
    try:
        head = parse_head(data)
    except RefusedError as exc:
        return exc.status
    assert head.content_length is None or head.content_length >= 0
    return 200


@given(st.binary(max_size=300))
def test_any_bytes_are_a_head_or_a_refusal(data: bytes) -> None:
    assert status_of(data + b"\r\n\r\n") in (200, 400, 417, 501, 505)


_TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=30)


@given(st.sampled_from(["GET", "POST", "CONNECT", "OPTIONS"]), _TEXT, st.lists(st.tuples(_TEXT, _TEXT)))
def test_near_misses_are_a_head_or_a_refusal(method: str, target: str, fields: list[tuple[str, str]]) -> None:
    lines = [f"{method} /{target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields), "", ""]
    assert status_of("\r\n".join(lines).encode("latin-1")) in (200, 400, 417, 501, 505)
