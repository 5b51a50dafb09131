"""What ``--check`` prints: each thing found with its rule, its reason and its lines."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.output import Output

    Warnings = list[dict[str, Any]]


def print_checked(out: "Output", warnings: "Warnings") -> None:
    """For one Dockerfile."""
    if not warnings:
        out.line("Check complete, no warnings found.")
        return
    count = len(warnings)
    out.line(f"Check complete, {count} warning{'s have' if count > 1 else ' has'} been found!")
    for warning in warnings:
        rule, _, what = warning["short"].partition(": ")
        out.line(f"\nWARNING: {rule} - {warning['url']}\n{warning['detail']}")
        if warning.get("excerpt"):
            out.line(f"\n{warning['excerpt']}")
        elif what:
            out.line(what)
