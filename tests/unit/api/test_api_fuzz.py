"""Whatever a client sends, it gets a well-formed answer that is no internal error, or is hung up on."""

import asyncio
import json
from typing import Any
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.api.api_fakes import Fakes
from tests.unit.api.api_wire import WireClient, request_bytes

_PATHS = [
    "/_ping",
    "/info",
    "/events",
    "/containers/json",
    "/containers/create",
    "/containers/x/json",
    "/containers/x/top",
    "/containers/x/rename",
    "/containers/x/stop",
    "/containers/x/kill",
    "/containers/x/logs",
    "/containers/x/attach",
    "/containers/x/resize",
    "/containers/x/exec",
    "/exec/x/start",
    "/exec/x/resize",
    "/images/json",
    "/images/load",
    "/images/create",
    "/images/x/tag",
    "/images/x",
    "/volumes",
    "/volumes/create",
    "/volumes/prune",
    "/networks",
    "/networks/x",
    "/swarm",
]
_KEYS = [
    "all",
    "limit",
    "size",
    "filters",
    "name",
    "t",
    "signal",
    "h",
    "w",
    "condition",
    "stdout",
    "stderr",
    "since",
    "until",
    "tail",
    "follow",
    "force",
    "fromSrc",
    "repo",
    "tag",
    "changes",
    "ps_args",
    "platform",
]
_VALUES = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["", "0", "1", "-1", "9" * 40, "1e5", "null", "{}", "[]", '{"a":["b"]}']),
)
_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["Image", "Cmd", "Env", "HostConfig", "Memory", "Mounts", "Labels", "Tty", "x"]),
            inner,
        ),
    ),
    max_leaves=8,
)
_SNIPPETS = (
    b"GET ",
    b"POST ",
    b"/info",
    b"/v1.50/_ping",
    b" HTTP/1.1",
    b" HTTP/1.0",
    b"\r\n",
    b"\n",
    b"\r\n\r\n",
    b":",
    b" ",
    b"Content-Length: 5",
    b"Content-Length: 99999999999",
    b"Transfer-Encoding: chunked",
    b"Upgrade: tcp",
    b"Connection: Upgrade",
    b"Connection: close",
    b"Expect: 100-continue",
    b"5\r\nhello\r\n",
    b"0\r\n\r\n",
    b"hello",
    b"Content-Type: application/json",
    b"Content-Encoding: gzip",
    b"{}",
    b"\x00",
    b"\xff",
    b"%zz",
    b"//",
    b"..",
)


async def exchange(wire: bytes) -> bytes:
    """Everything that the server answers to ``wire`` and the end of the client's side."""
    fakes = Fakes()
    fakes.system.queue.put_nowait(None)
    async with asyncio.timeout(120), fakes.serving() as harness:
        client = await harness.client()
        client.send(wire)
        try:
            client.half_close()
            return await client.read_to_end()
        except ConnectionError:
            return b""


async def check_answers(answer: bytes) -> None:
    """``answer`` must be any number of complete answers, none of them an internal error."""
    reader = asyncio.StreamReader()
    reader.feed_data(answer)
    reader.feed_eof()
    no_writer: Any = None  # only what it reads counts
    client = WireClient(reader, no_writer)
    while not reader.at_eof():
        reply = await client.reply()
        assert reply.status != 500, reply.body
        assert 100 <= reply.status < 600
        if reply.status == 101 or "content-length" not in reply.headers:
            return  # hijacked: the rest has no framing


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(_SNIPPETS), st.binary(max_size=8)), max_size=20))
def test_any_bytes_are_answered_or_refused(parts: list[bytes]) -> None:
    async def run() -> None:
        await check_answers(await exchange(b"".join(parts)))

    asyncio.run(run())


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["GET", "POST", "DELETE", "HEAD"]),
    st.sampled_from(_PATHS),
    st.lists(st.tuples(st.sampled_from(_KEYS), _VALUES), max_size=4),
    _JSON,
    st.sampled_from(["", "/v1.24", "/v1.41", "/v1.55", "/v1.60", "/v9"]),
)
def test_any_query_and_body_are_answered_and_never_with_an_internal_error(
    method: str, path: str, query: list[tuple[str, str]], value: object, prefix: str
) -> None:
    text = "&".join(f"{quote(key)}={quote(item, errors='replace')}" for key, item in query)
    body = json.dumps(value).encode() if method == "POST" else None
    headers = {"Content-Type": "application/json", "Connection": "close"}

    async def run() -> None:
        answer = await exchange(request_bytes(method, f"{prefix}{path}?{text}", body, headers))
        assert answer.startswith(b"HTTP/1.1 ")
        assert not answer.startswith(b"HTTP/1.1 500 "), answer

    asyncio.run(run())
