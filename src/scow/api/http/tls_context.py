"""The server's certificate, and whose certificates clients must have."""

import ssl
from pathlib import Path

from scow.errors import InvalidArgumentError


def server_context(ca: Path | None, certificate: Path, key: Path) -> ssl.SSLContext:
    """For ``Server.listen``; all are PEM files, and with ``ca`` clients need a certificate that it signed.

    Raises InvalidArgumentError, naming the file, for what cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as exc:
        raise InvalidArgumentError(
            f'could not load X509 key pair (cert: "{certificate}", key: "{key}"): {exc}'
        ) from exc
    if ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        try:
            context.load_verify_locations(ca)
        except (OSError, ssl.SSLError) as exc:
            raise InvalidArgumentError(f'could not read CA certificate "{ca}": {exc}') from exc
    return context
