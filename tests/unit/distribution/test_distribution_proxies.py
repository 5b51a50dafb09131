"""HTTP_PROXY, HTTPS_PROXY and NO_PROXY, as Go reads them."""

import pytest

from scow.distribution.endpoint import RegistrySettings
from scow.distribution.proxies import proxy_for


@pytest.mark.parametrize(
    ("url", "no_proxy", "proxy"),
    [
        ("http://a.example.com", "", "http://plain:3128"),
        ("https://a.example.com", "", "http://secure"),
        ("http://localhost:5000", "", ""),
        ("http://127.3.2.1", "", ""),
        ("http://[::1]:5000", "", ""),
        ("http://a.example.com", "*", ""),
        ("http://a.example.com", "example.com", ""),
        ("http://a.example.com", "other, .example.com", ""),
        ("http://example.com", ".example.com", "http://plain:3128"),
        ("http://anexample.com", "example.com", "http://plain:3128"),
        ("http://10.1.2.3", "10.0.0.0/8", ""),
        ("http://10.1.2.3:81", "10.1.2.3:80", "http://plain:3128"),
        ("http://10.1.2.3:80", "10.1.2.3:80", ""),
        ("http://10.1.2.3", "junk/8", "http://plain:3128"),
    ],
)
def test_which_proxy(url: str, no_proxy: str, proxy: str) -> None:
    settings = RegistrySettings(http_proxy="http://plain:3128", https_proxy="secure", no_proxy=no_proxy)
    assert proxy_for(url, settings) == proxy
