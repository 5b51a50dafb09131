"""``--provenance``, ``--sbom``, ``--attest`` and ``--annotation``, as the engine is asked for them."""

from scow.cli.exits import CommandError
from scow.cli.options.csv_fields import split_fields
from scow.cli.patterns import Pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.flags import Flags

_TRUE, _FALSE = ("1", "t", "true"), ("0", "f", "false")
_PLACE = Pattern(r"(?:(manifest|index|manifest-descriptor|index-descriptor)(?:\[([A-Za-z0-9_/.-]+)\])?)")


def attestation_options(flags: "Flags") -> dict[str, str]:
    """``attest:<type>`` options; one that is switched off is not there. Raises CommandError."""
    found: dict[str, str] = {}
    for text in flags["attest"]:
        fields = split_fields(text)
        kinds = [it.partition("=")[2] for it in fields if it.startswith("type=")]
        if len(kinds) != 1:
            raise CommandError("attestation type not specified")
        _add(found, kinds[0], [it for it in fields if not it.startswith("type=")])
    for kind in ("provenance", "sbom"):
        if kind in flags.changed:
            _add(found, kind, _shorthand(kind, flags[kind]))
    return found


def _shorthand(kind: str, text: str) -> list[str]:
    """``true``, ``false``, a mode, an image of a scanner, or fields."""
    if text.lower() in _TRUE:
        return []
    if text.lower() in _FALSE:
        return ["disabled=true"]
    if "=" not in text:
        return [f"{'mode' if kind == 'provenance' else 'generator'}={text}"]
    return split_fields(text)


def _add(found: dict[str, str], kind: str, fields: list[str]) -> None:
    if f"attest:{kind}" in found:
        raise CommandError(f"duplicate attestation field {kind}")
    disabled = [it.partition("=")[2] for it in fields if it.partition("=")[0] == "disabled"]
    if not disabled or disabled[-1].lower() in _FALSE:
        found[f"attest:{kind}"] = ",".join(it for it in fields if not it.startswith("disabled="))


def annotation_attributes(texts: list[str]) -> dict[str, str]:
    """``[place[,place]:]key=value`` as attributes of an exporter. Raises CommandError."""
    found: dict[str, str] = {}
    for text in texts:
        front, equals, value = text.partition("=")
        if not equals:
            raise CommandError(f'invalid annotation "{text}", expected key=value')
        places, colon, key = front.rpartition(":")
        if not colon or not all(_PLACE.fullmatch(it.strip()) for it in places.split(",")):
            # A key may hold colons.
            places, key = "manifest", front
        if not key:
            raise CommandError(f'invalid annotation "{text}", expected key=value')
        for place in places.split(","):
            match = _PLACE.fullmatch(place.strip())
            platform = f"[{match[2]}]" if match and match[2] else ""
            found[f"annotation-{match[1] if match else place}{platform}.{key}"] = value
    return found
