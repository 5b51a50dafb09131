"""``scow search``."""

from scow.cli.command import Command, exactly
from scow.cli.credentials import Credentials, encoded_auth, registry_key
from scow.cli.flags import BOOL, FILTER, INT, STRING, Flag
from scow.cli.listing import filter_query, print_columns, print_rows
from scow.cli.templates.values import Adapter
from scow.cli.units import ellipsis
from scow.spec.reference import is_registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

_HEADERS = {
    "Name": "NAME",
    "Description": "DESCRIPTION",
    "StarCount": "STARS",
    "IsOfficial": "OFFICIAL",
    "IsAutomated": "AUTOMATED",
}
_DESCRIPTION_WIDTH = 45


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Lists the repositories that an index has by a term."""
    term = flags.arguments[0]
    query = [("term", term), *filter_query(dict(flags["filter"]))]
    if flags["limit"]:
        query.append(("limit", str(flags["limit"])))
    head, slash, _ = term.partition("/")
    auth = Credentials(invocation).get(registry_key(head if slash and is_registry(head) else ""))
    found = invocation.client.get("/images/search", query, headers={"X-Registry-Auth": encoded_auth(auth)})
    rows = [_row(item, truncate=not flags["no-trunc"]) for item in found or ()]
    if flags["format"] in ("", "table"):
        columns = ("Name", "Description", "StarCount", "IsOfficial")
        print_columns(invocation, rows, _HEADERS, columns)
    else:
        print_rows(invocation, rows, _HEADERS, flags["format"])


def _row(item: "dict[str, Any]", *, truncate: bool) -> Adapter:
    description = str(item.get("description") or "").replace("\n", " ").replace("\r", " ")
    return Adapter(
        "*formatter.searchContext",
        {
            "Name": item.get("name") or "",
            "Description": ellipsis(description, _DESCRIPTION_WIDTH) if truncate else description,
            "StarCount": str(item.get("star_count") or 0),
            "IsOfficial": "[OK]" if item.get("is_official") else "",
            "IsAutomated": "[OK]" if item.get("is_automated") else "",
        },
    )


COMMAND = Command(
    run,
    "[OPTIONS] TERM",
    "Search Docker Hub for images",
    flags=(
        Flag("no-trunc", BOOL, "Don't truncate output"),
        Flag("filter", FILTER, "Filter output based on conditions provided", short="f"),
        Flag("limit", INT, "Max number of search results"),
        Flag("format", STRING, "Pretty-print search using a Go template"),
    ),
    arguments=exactly(1),
)
