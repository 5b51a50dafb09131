"""``--secret``: what a secret is called, and the file or variable that it is in."""

import os

from scow.cli.exits import CommandError
from scow.cli.options.csv_fields import split_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class SecretSource:
    """``path`` is empty where ``variable`` says where it is."""

    __slots__ = ("name", "path", "variable")

    def __init__(self, name: str, path: str, variable: str) -> None:
        self.name = name
        self.path = path
        self.variable = variable


def parse_secret(text: str, environ: "Mapping[str, str]") -> SecretSource:
    """``id=…,src=…``, ``id=…,env=…``, or a name alone: a variable's, else a file's. Raises CommandError."""
    fields = {"id": "", "src": "", "env": "", "type": ""}
    for field in split_fields(text):
        written, equals, value = field.partition("=")
        key = written.lower()
        if not equals:
            raise CommandError(f"ERROR: invalid field '{field}' must be a key=value pair")
        key = "src" if key == "source" else key
        if key not in fields:
            raise CommandError(f"ERROR: unexpected key '{key}' in '{field}'")
        if key == "type" and value not in ("file", "env"):
            raise CommandError(f'ERROR: unsupported secret type "{value}"')
        fields[key] = value
    name, path, variable = fields["id"] or os.path.basename(fields["src"]), fields["src"], fields["env"]
    if fields["type"] == "env" and not variable:
        path, variable = "", path
    if not name:
        raise CommandError("ERROR: secret: id is required")
    if not variable and not path and fields["type"] != "file" and name in environ:
        variable = name
    return SecretSource(name, "" if variable else path or name, variable)
