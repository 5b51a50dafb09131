"""Why a server could not be talked to, in Go's words: what Docker's users know and search for."""

from typing import Final
from urllib.parse import urlsplit

NOT_TLS: Final = "http: server gave HTTP response to HTTPS client"
_X509 = "tls: failed to verify certificate: x509: "
# What OpenSSL's verification says (X509_verify_cert_error_string(3)), and Go's crypto/x509.
_CERTIFICATES = (
    ("self-signed certificate", "certificate signed by unknown authority"),
    ("self signed certificate", "certificate signed by unknown authority"),
    ("unable to get local issuer", "certificate signed by unknown authority"),
    ("unable to get issuer", "certificate signed by unknown authority"),
    ("certificate has expired", "certificate has expired or is not yet valid"),
    ("certificate is not yet valid", "certificate has expired or is not yet valid"),
    ("mismatch, certificate is not valid for", "certificate is not valid for {host}"),
)


def reason_of(exc: BaseException, url: str, proxy: str = "") -> str:
    """What to tell of an exception of ``urllib3`` or the socket; ``proxy`` is what the request goes by."""
    import urllib3

    if isinstance(exc, urllib3.exceptions.ProxyError) and proxy:
        if "Tunnel connection failed: " in str(exc.original_error):
            return str(exc.original_error).partition("failed: ")[2].partition(" ")[2]
        return f"proxyconnect tcp: {reason_of(exc.original_error, proxy)}"
    if isinstance(exc, urllib3.exceptions.MaxRetryError) and exc.reason is not None:
        return reason_of(exc.reason, url, proxy)
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    text = str(exc)
    if isinstance(exc, urllib3.exceptions.NameResolutionError) or "getaddrinfo" in text:
        return f"dial tcp: lookup {parts.hostname}: no such host"
    if "Connection refused" in text:
        return f"dial tcp {parts.hostname}:{port}: connect: connection refused"
    if isinstance(exc, urllib3.exceptions.ConnectTimeoutError):
        return f"dial tcp {parts.hostname}:{port}: i/o timeout"
    if isinstance(exc, urllib3.exceptions.ReadTimeoutError):
        return f"read tcp {parts.hostname}:{port}: i/o timeout"
    if "too many redirects" in text:
        return "stopped after 10 redirects"
    if isinstance(exc, urllib3.exceptions.IncompleteRead) or "IncompleteRead" in text:
        return "unexpected EOF"
    if "closed connection without response" in text:
        return "EOF"
    if "Connection reset" in text:
        return f"read tcp {parts.hostname}:{port}: read: connection reset by peer"
    if "WRONG_VERSION_NUMBER" in text or "record layer failure" in text.lower():
        return NOT_TLS
    if "CERTIFICATE_REQUIRED" in text or "alert certificate required" in text.lower():
        return "remote error: tls: certificate required"
    if isinstance(exc, urllib3.exceptions.SSLError) or "CERTIFICATE_VERIFY_FAILED" in text:
        for theirs, ours in _CERTIFICATES:
            if theirs in text:
                return _X509 + ours.format(host=parts.hostname)
        return f"tls: failed to verify certificate: {text}"
    return text
