"""How an endpoint's certificate is checked, and what we show of ourselves."""

import functools
import ssl
from pathlib import Path

from scow.distribution.endpoint import Endpoint
from scow.errors import InvalidArgumentError
from scow.tls_trust import client_context

_KEPT = 8


def context_for(endpoint: Endpoint) -> ssl.SSLContext:
    """The system's authorities and the endpoint's own. Raises InvalidArgumentError for unreadable files.

    Reading the system's authorities takes longer than a request, so contexts are kept while their files are
    what they were.
    """
    pairs = endpoint.client_certificates
    files = (*endpoint.ca_files, *(file for pair in pairs for file in pair))
    try:
        stamps = tuple((file, file.stat().st_mtime_ns) for file in files)
        return _context(endpoint.verify, endpoint.ca_files, pairs, stamps)
    except (OSError, ssl.SSLError) as exc:
        raise InvalidArgumentError(f"certificates for {endpoint.host} cannot be read: {exc}") from exc


@functools.lru_cache(maxsize=_KEPT)
def _context(
    verify: bool,
    ca_files: tuple[Path, ...],
    client_certificates: tuple[tuple[Path, Path], ...],
    stamps: tuple[tuple[Path, int], ...],
) -> ssl.SSLContext:
    """``stamps`` only tells contexts apart. Raises ``OSError``, ``ssl.SSLError``."""
    context = client_context(verify=verify)
    for file in ca_files:
        context.load_verify_locations(file)
    for certificate, key in client_certificates:
        context.load_cert_chain(certificate, key)
    return context
