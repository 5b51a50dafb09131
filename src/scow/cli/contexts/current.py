"""Contexts as one run of the program sees them: those of the store, and ``default``, made of the options."""

import os

from scow.api.client.endpoint import Endpoint, parse_endpoint
from scow.cli.config_file import DEFAULT_CONTEXT
from scow.cli.contexts.store import DOCKER_ENDPOINT, ContextStore, endpoint_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scow.cli.contexts.store import Metadata, TlsFiles
    from scow.cli.invocation import Invocation

CA, CERTIFICATE, KEY = "ca.pem", "cert.pem", "key.pem"
IN_MEMORY = "<IN MEMORY>"
DEFAULT_DESCRIPTION = "Current DOCKER_HOST based configuration"


def metadata_of(invocation: "Invocation", name: str) -> "Metadata":
    """Of a context by name. Raises NotFoundError, InvalidArgumentError."""
    if name == DEFAULT_CONTEXT:
        return default_metadata(invocation)
    return ContextStore(invocation.config_directory).get(name)


def default_metadata(invocation: "Invocation") -> "Metadata":
    """What the options and the environment come to. Raises InvalidArgumentError."""
    endpoint = {"Host": invocation.default_host(), "SkipTLSVerify": invocation.skips_verification()}
    return {"Name": DEFAULT_CONTEXT, "Metadata": {}, "Endpoints": {DOCKER_ENDPOINT: endpoint}}


def tls_of(invocation: "Invocation", name: str) -> "TlsFiles":
    """The keys of a context by name. Raises OSError."""
    if name != DEFAULT_CONTEXT:
        return ContextStore(invocation.config_directory).tls_data(name)
    files = {}
    if invocation.wants_tls():
        options = invocation.options
        for file, option in ((CA, "tlscacert"), (CERTIFICATE, "tlscert"), (KEY, "tlskey")):
            if os.path.exists(options[option]):
                with open(options[option], "rb") as source:
                    files[file] = source.read()
    return {DOCKER_ENDPOINT: files} if files else {}


def stored_endpoint(directory: str, name: str) -> Endpoint:
    """Where the engine of a stored context is, and its keys.

    Raises NotFoundError, InvalidArgumentError.
    """
    store = ContextStore(directory)
    told: dict[str, Any] = endpoint_of(store.get(name))
    endpoint = parse_endpoint(str(told.get("Host") or ""))
    folder = os.path.join(store.tls_folder(name), DOCKER_ENDPOINT)
    skip = bool(told.get("SkipTLSVerify"))
    if endpoint.scheme == "tcp" and (skip or os.path.isdir(folder)):
        from scow.api.client.tls import TlsOptions

        authority = os.path.join(folder, CA)
        endpoint.tls = TlsOptions(
            authority if os.path.exists(authority) else "",
            os.path.join(folder, CERTIFICATE),
            os.path.join(folder, KEY),
            not skip,
        )
    return endpoint
