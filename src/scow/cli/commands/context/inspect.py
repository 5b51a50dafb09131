"""``scow context inspect``."""

from scow.cli.command import Command, any_number
from scow.cli.config_file import DEFAULT_CONTEXT
from scow.cli.contexts.current import IN_MEMORY, metadata_of, tls_of
from scow.cli.contexts.store import ContextStore
from scow.cli.flags import STRING, Flag
from scow.cli.inspecting import inspect_each
from scow.cli.listing import INSPECT_FORMAT_HELP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Prints what contexts are, and where they are stored; of the one in use if none is named."""

    def fetch(name: str) -> "tuple[str, dict[str, Any]]":
        metadata = metadata_of(invocation, name)
        endpoints = metadata.get("Endpoints") or {}
        return "context", {
            **metadata,
            "Endpoints": {
                key: {**told, "SkipTLSVerify": told.get("SkipTLSVerify", False)}
                for key, told in endpoints.items()
            },
            "TLSMaterial": _keys(invocation, name),
            "Storage": _storage(invocation, name),
        }

    names = flags.arguments or [invocation.context_name()]
    inspect_each(invocation, names, flags["format"], fetch, typed_only=True, for_web=True)


def _keys(invocation: "Invocation", name: str) -> dict[str, list[str]]:
    if name == DEFAULT_CONTEXT:
        return {endpoint: sorted(files) for endpoint, files in tls_of(invocation, name).items()}
    return ContextStore(invocation.config_directory).tls_files(name)


def _storage(invocation: "Invocation", name: str) -> dict[str, str]:
    if name == DEFAULT_CONTEXT:
        return {"MetadataPath": IN_MEMORY, "TLSPath": IN_MEMORY}
    store = ContextStore(invocation.config_directory)
    return {"MetadataPath": store.meta_folder(name), "TLSPath": store.tls_folder(name)}


COMMAND = Command(
    run,
    "[OPTIONS] [CONTEXT] [CONTEXT...]",
    "Display detailed information on one or more contexts",
    flags=(Flag("format", STRING, INSPECT_FORMAT_HELP, short="f"),),
    arguments=any_number,
)
