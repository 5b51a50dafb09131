"""``--call``: what is wanted of a Dockerfile, an image or an answer."""

from scow.cli.exits import CommandError
from scow.spec.go_bool import FALSE, TRUE

BUILD = "build"
_OLDER_NAMES = {"lint": "check", "": BUILD}


class Call:
    """``written_as`` is ``json`` or for people; ``ignores_status``: what is found wrong is no failure.

    Not a dataclass: a build does without that module.
    """

    __slots__ = ("ignores_status", "name", "written_as")

    def __init__(self, name: str, written_as: str, ignores_status: bool) -> None:
        self.name = name
        self.written_as = written_as
        self.ignores_status = ignores_status


def parse_call(text: str) -> Call:
    """``check,format=json,ignorestatus=true``. Raises CommandError in buildx's words."""
    name = written_as = ""
    ignores = False
    for field in filter(None, text.split(",")):
        key, equals, value = field.partition("=")
        if not equals and name:
            raise CommandError(f"ERROR: invalid print value: {text}")
        if not equals:
            name = key
        elif key == "format":
            written_as = value
        elif key == "ignorestatus":
            ignores = _boolean(value)
        else:
            raise CommandError(f"ERROR: invalid print field: {field}")
    return Call(_OLDER_NAMES.get(name, name), written_as, ignores)


def _boolean(text: str) -> bool:
    if text not in TRUE | FALSE:
        why = f'strconv.ParseBool: parsing "{text}": invalid syntax'
        raise CommandError(f"ERROR: invalid ignorestatus print value: {text}: {why}")
    return text in TRUE
