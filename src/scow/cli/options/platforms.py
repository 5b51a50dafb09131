"""``--platform os[/arch[/variant]]`` of commands that pick one of an image's platforms."""

from scow.api.client.json_text import dumps
from scow.errors import InvalidArgumentError


def platform_query(text: str, parameter: str = "platform") -> list[tuple[str, str]]:
    """The query parameter with the platform as JSON; nothing for an empty text.

    Raises InvalidArgumentError with Docker's message.
    """
    if not text:
        return []
    from scow.spec.platform import parse_platform

    try:
        os, architecture, *variant = str(parse_platform(text)).split("/")
    except InvalidArgumentError as exc:
        raise InvalidArgumentError(f"invalid platform: {exc.message}") from exc
    if architecture == "arm64" and text.count("/") == 2:
        variant = variant or ["v8"]  # the plain one, which Docker writes out when a variant was given
    value = {"architecture": architecture, "os": os}
    if variant:
        value["variant"] = variant[0]
    return [(parameter, dumps(value, compact=True))]
