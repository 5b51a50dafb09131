"""``scow images``."""

import time

from scow.cli.command import Command, at_most
from scow.cli.exits import CommandError
from scow.cli.flags import BOOL, FILTER, STRING, Flag
from scow.cli.go_values import quote
from scow.cli.listing import (
    FORMAT_HELP,
    chosen_format,
    filter_query,
    print_column,
    print_columns,
    print_rows,
)
from scow.cli.templates.values import Adapter
from scow.cli.units import human_size, truncate_id
from scow.spec.human_duration import human_duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation

    Summary = dict[str, Any]

_GO_TYPE = "*formatter.imageContext"
HEADERS = {
    "ID": "IMAGE ID",
    "Repository": "REPOSITORY",
    "Tag": "TAG",
    "Digest": "DIGEST",
    "CreatedSince": "CREATED",
    "CreatedAt": "CREATED AT",
    "Size": "SIZE",
    "Containers": "CONTAINERS",
    "VirtualSize": "SIZE",
    "SharedSize": "SHARED SIZE",
    "UniqueSize": "UNIQUE SIZE",
}
_COLUMNS = ("Repository", "Tag", "ID", "CreatedSince", "Size")
_COLUMNS_WITH_DIGEST = ("Repository", "Tag", "Digest", "ID", "CreatedSince", "Size")
RAW = """repository: {{ .Repository }}
tag: {{.Tag}}
%simage_id: {{.ID}}
created_at: {{.CreatedAt}}
virtual_size: {{.Size}}
"""
_NONE = "<none>"
_NOT_IN_A_TREE = ("quiet", "digests", "no-trunc", "format")
_DEFAULT_WIDTH = 80
_VERBS = frozenset(
    (
        "build",
        "history",
        "import",
        "inspect",
        "list",
        "load",
        "ls",
        "prune",
        "pull",
        "push",
        "rm",
        "save",
        "tag",
    )
)


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Lists images, newest first, a row for each tag."""
    if flags["tree"]:
        for name in _NOT_IN_A_TREE:
            if flags[name]:
                shown = "show-digest" if name == "digests" else name
                raise CommandError(f"--{shown} is not yet supported with --tree")
    pattern = flags.arguments[0] if flags.arguments else ""
    filters = dict(flags["filter"])
    if pattern:
        filters["reference"] = [*filters.get("reference", []), pattern]
    query = filter_query(filters)
    if flags["all"]:
        query.append(("all", "1"))
    if flags["tree"]:
        _print_tree(invocation, query)
        return
    images = invocation.client.get("/images/json", query) or []
    _print(invocation, flags, images)
    if pattern in _VERBS and not images and invocation.command_name == "images":
        invocation.err.write(
            f"\nNo images found matching {quote(pattern)}: "
            f'did you mean "{invocation.program} image {pattern}"?\n'
        )


def _print_tree(invocation: "Invocation", query: list[tuple[str, str]]) -> None:
    import os

    from scow.cli.image_tree import tree_text

    images = invocation.client.get("/images/json", [*query, ("manifests", "1")]) or []
    try:
        width = os.get_terminal_size(invocation.out.fd).columns
    except OSError:
        width = _DEFAULT_WIDTH
    invocation.out.write(tree_text(images, width))


def _print(invocation: "Invocation", flags: "Flags", images: "list[Summary]") -> None:
    template = chosen_format(invocation, flags, "imagesFormat")
    digests = flags["digests"]
    in_rows = digests or "{{.Digest}}" in template
    rows = [
        row
        for image in images
        for row in image_rows(image, truncate=not flags["no-trunc"], digests=in_rows, digest_rows=digests)
    ]
    if flags["quiet"] and not template:
        print_column(invocation, rows, "ID")
    elif flags["quiet"] and template == "raw":
        print_rows(invocation, rows, HEADERS, "image_id: {{.ID}}")
    elif not template:
        print_columns(invocation, rows, HEADERS, _COLUMNS_WITH_DIGEST if digests else _COLUMNS)
    elif template == "raw":
        print_rows(invocation, rows, HEADERS, RAW % ("digest: {{.Digest}}\n" if digests else ""))
    else:
        if digests and template.startswith("table") and "{{.Digest}}" not in template:
            template += "\t{{.Digest}}"
        print_rows(invocation, rows, HEADERS, template)


def image_rows(image: "Summary", *, truncate: bool, digests: bool, digest_rows: bool) -> "Iterator[Adapter]":
    """One row for each tag, and for each repository that has only a digest.

    With ``digests`` a tag has a row for each of them; with ``digest_rows`` so have untagged ones.
    """
    names = [name.rpartition(":") for name in image.get("RepoTags") or () if name != "<none>:<none>"]
    references = [name.partition("@") for name in image.get("RepoDigests") or () if name != "<none>@<none>"]
    if not names and not references:
        yield image_row(image, truncate, _NONE, _NONE, _NONE)
        return
    tagged = {repository for repository, _, _ in names}
    for repository, _, tag in names:
        own = [digest for name, _, digest in references if name == repository] if digests else []
        for digest in own or [_NONE]:
            yield image_row(image, truncate, repository, tag, digest)
    untagged = {name: digest for name, _, digest in references if name not in tagged}
    for repository, digest in untagged.items():
        yield image_row(image, truncate, repository, _NONE, digest if digest_rows else "")


def image_row(image: "Summary", truncate: bool, repository: str, tag: str, digest: str) -> Adapter:
    """The columns of an image under one of its names."""
    identifier, size, shared = image["Id"], image.get("Size", 0), image.get("SharedSize", -1)
    containers = image.get("Containers", -1)
    return Adapter(
        _GO_TYPE,
        {
            "ID": truncate_id(identifier) if truncate else identifier,
            "Repository": repository,
            "Tag": tag,
            "Digest": digest,
            "CreatedSince": lambda: human_duration(time.time() - image["Created"]) + " ago",
            "CreatedAt": lambda: _created_at(image),
            "Size": lambda: human_size(size, 3),
            "Containers": "N/A" if containers == -1 else str(containers),
            "VirtualSize": lambda: human_size(size),
            "SharedSize": lambda: "N/A" if shared == -1 else human_size(shared),
            "UniqueSize": lambda: "N/A" if -1 in (size, shared) else human_size(size - shared),
        },
    )


def _created_at(image: "Summary") -> str:
    from scow.cli.timestamps import format_local_time

    return format_local_time(image["Created"])


COMMAND = Command(
    run,
    "[OPTIONS] [REPOSITORY[:TAG]]",
    "List images",
    flags=(
        Flag("quiet", BOOL, "Only show image IDs", short="q"),
        Flag("all", BOOL, "Show all images (default hides intermediate images)", short="a"),
        Flag("no-trunc", BOOL, "Don't truncate output"),
        Flag("digests", BOOL, "Show digests"),
        Flag("format", STRING, FORMAT_HELP),
        Flag("filter", FILTER, "Filter output based on conditions provided", short="f"),
        Flag("tree", BOOL, "List multi-platform images as a tree (EXPERIMENTAL)", since="1.47"),
    ),
    arguments=at_most(1),
    spellings=("image ls", "image list", "images"),
)
