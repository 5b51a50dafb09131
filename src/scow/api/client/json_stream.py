"""Streams of JSON values, as ``/events`` and the progress of load, import and pull send them."""

from scow.api.client.json_text import first_value, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

_VALUE_LIMIT = 16 << 20
"""Characters that one value may have before the stream is given up as broken."""


def iterate_json(blocks: "Iterable[bytes]") -> "Iterator[Any]":
    """The values in ``blocks``, each as soon as it is complete; white space between them is skipped.

    Raises ValueError when the text is not JSON or ends inside a value.
    """
    pending = b""
    for block in blocks:
        pending += block
        # A value can only be complete where a brace or bracket closed, and cutting there never
        # splits a UTF-8 sequence.
        end = max(pending.rfind(b"}"), pending.rfind(b"]")) + 1
        text = pending[:end].decode("utf-8", "replace")
        position = 0
        try:
            while text := text[position:].lstrip():
                value, position = first_value(text)
                yield value
        except ValueError:
            if len(text) > _VALUE_LIMIT:
                raise
        pending = text.encode("utf-8", "surrogatepass") + pending[end:]
    if pending.strip():
        yield loads(pending)
