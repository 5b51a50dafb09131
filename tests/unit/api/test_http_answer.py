import pytest

from scow.api.http.answer import DateLine, encode_chunk, encode_head


def test_a_head_has_its_status_line_common_lines_and_fields() -> None:
    assert (
        encode_head(404, "Server: x\r\n", {"Content-Length": "0"})
        == b"HTTP/1.1 404 Not Found\r\nServer: x\r\nContent-Length: 0\r\n\r\n"
    )


def test_a_hijacked_head_says_upgraded() -> None:
    assert encode_head(101, "", {}) == b"HTTP/1.1 101 UPGRADED\r\n\r\n"


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b", "a\nb", "\r"])
def test_no_value_can_begin_another_header(value: str) -> None:
    with pytest.raises(ValueError, match="line break in header Location"):
        encode_head(301, "", {"Location": value})


def test_a_chunk_has_its_size_in_hex() -> None:
    assert encode_chunk(b"x" * 26) == b"1a\r\n" + b"x" * 26 + b"\r\n"


def test_the_date_follows_the_clock() -> None:
    now = 784111777.9
    line = DateLine(lambda: now)
    assert line() == "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
    now += 1
    assert line() == "Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n"
