"""Whom a TLS client believes: what Go's crypto/x509 accepts, whatever the version of Python.

Docker's users have authorities that ``openssl req -x509`` made without a key usage, which Python refuses from
3.13 on, and intermediate authorities as the end of a chain, which it refuses before.
"""

import ssl
from os import PathLike


def client_context(ca_file: str | PathLike[str] | None = None, *, verify: bool = True) -> ssl.SSLContext:
    """TLS 1.2 and newer. ``ca_file``: PEM, instead of the system's; ``verify``: check the other end.

    Raises ``OSError`` (``ssl.SSLError`` is one) when the file cannot be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    context.verify_flags = context.verify_flags & ~ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    if ca_file is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        context.load_verify_locations(ca_file)
    return context
