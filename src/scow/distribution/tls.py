"""How an endpoint's certificate is checked, and what we show of ourselves."""

import ssl

from scow.distribution.endpoint import Endpoint
from scow.errors import InvalidArgumentError


def context_for(endpoint: Endpoint) -> ssl.SSLContext:
    """The system's authorities and the endpoint's own. Raises InvalidArgumentError for unreadable files."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        for file in endpoint.ca_files:
            context.load_verify_locations(file)
        for certificate, key in endpoint.client_certificates:
            context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as exc:
        raise InvalidArgumentError(f"certificates for {endpoint.host} cannot be read: {exc}") from exc
    if not endpoint.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
