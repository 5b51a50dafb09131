"""``--push`` and ``--load`` of bake: what becomes of the outputs that a target has already."""

from scow.cli.options.csv_fields import split_fields

_LOADED_BESIDE = ("image", "registry", "oci")
_PUSH = "push"


def pushed(outputs: list[str], *, wanted: bool) -> list[str]:
    """Images are pushed, or not. One is added only where nothing but results for the engine are written."""
    if not wanted:
        kept = [text for text in outputs if _kind(text) != "registry"]
        return [_with_push(text, "false") if _kind(text) == "image" else text for text in kept]
    found = [_with_push(text, "true") if _kind(text) == "image" else text for text in outputs]
    if all(_kind(text) == "docker" for text in outputs):
        found.append("type=image,push=true")
    return found


def loaded(outputs: list[str], *, wanted: bool) -> list[str]:
    """Images are put into the engine too; what is written as files alone is left alone."""
    if not wanted:
        return outputs
    for text in outputs:
        kind = _kind(text)
        if kind == "docker" and not csv_of(text).get("dest"):
            return outputs
        if kind not in ("docker", *_LOADED_BESIDE):
            return outputs
    return [*outputs, "type=docker"]


def _kind(text: str) -> str:
    if "=" not in text:
        return "tar" if text == "-" else "local"
    return csv_of(text).get("type", "")


def csv_of(text: str) -> dict[str, str]:
    """``key=value,…``; keys in small letters."""
    pairs = (field.partition("=") for field in split_fields(text))
    return {key.strip().lower(): value for key, _, value in pairs}


def _with_push(text: str, value: str) -> str:
    kept = [field for field in split_fields(text) if field.partition("=")[0].strip().lower() != _PUSH]
    return ",".join([*kept, f"{_PUSH}={value}"])
