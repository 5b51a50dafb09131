"""Where a registry is asked, and what of it is believed."""

from pathlib import Path

import pytest

from scow.distribution.endpoint import PULL, PUSH, RESOLVE, Endpoint, RegistrySettings
from scow.distribution.endpoints import endpoints_for, is_insecure
from scow.errors import InvalidArgumentError


@pytest.fixture
def certs(tmp_path: Path) -> Path:
    return tmp_path / "certs.d"


def written(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "hosts.toml").write_text(text)
    return folder


def urls(registry: str, settings: RegistrySettings, capability: str = PULL) -> list[str]:
    return [endpoint.url for endpoint in endpoints_for(registry, settings, capability)]


def test_the_hub_has_another_address_than_its_name() -> None:
    assert urls("docker.io", RegistrySettings(certificates=())) == ["https://registry-1.docker.io"]


def test_mirrors_of_daemon_json_are_for_pulls_from_the_hub() -> None:
    settings = RegistrySettings(mirrors=("http://mirror:5000/",), certificates=())
    assert urls("docker.io", settings) == ["http://mirror:5000", "https://registry-1.docker.io"]
    assert urls("docker.io", settings, PUSH) == ["https://registry-1.docker.io"]
    assert urls("quay.io", settings) == ["https://quay.io"]


def test_a_loopback_registry_may_be_plain() -> None:
    settings = RegistrySettings(certificates=())
    assert urls("127.0.0.1:5000", settings) == ["https://127.0.0.1:5000", "http://127.0.0.1:5000"]
    assert [it.verify for it in endpoints_for("localhost:5000", settings, PULL)] == [False, True]


@pytest.mark.parametrize(
    ("host", "insecure"),
    [
        ("localhost", True),
        ("127.9.9.9:5000", True),
        ("[::1]:5000", True),
        ("10.1.2.3:5000", True),
        ("10.2.0.1", False),
        ("reg.lan:5000", True),
        ("reg.lan", False),
        ("other.lan:77", True),
        ("example.com", False),
    ],
)
def test_insecure_registries_are_hosts_and_networks(host: str, insecure: bool) -> None:
    settings = RegistrySettings(insecure=("reg.lan:5000", "other.lan", "10.1.0.0/16"))
    assert is_insecure(host, settings) == insecure


def test_certificates_lie_in_a_folder_of_the_registrys_name(certs: Path) -> None:
    place = certs / "reg.lan:5000"
    place.mkdir(parents=True)
    for name in ("ca.crt", "client.cert", "client.key"):
        (place / name).touch()
    (found,) = endpoints_for("reg.lan:5000", RegistrySettings(certificates=(certs,)), PULL)
    assert found.ca_files == (place / "ca.crt",)
    assert found.client_certificates == ((place / "client.cert", place / "client.key"),)
    (place / "client.key").unlink()
    with pytest.raises(InvalidArgumentError, match=r"missing key client\.key for client certificate"):
        endpoints_for("reg.lan:5000", RegistrySettings(certificates=(certs,)), PULL)
    (place / "client.cert").rename(place / "client.key")
    with pytest.raises(
        InvalidArgumentError, match=r"missing client certificate client\.cert for key client\.key"
    ):
        endpoints_for("reg.lan:5000", RegistrySettings(certificates=(certs,)), PULL)


HOSTS = """
server = "https://up.stream"

[host."https://mirror.lan"]
  capabilities = ["pull", "resolve"]
  skip_verify = true
  ca = "mirror.pem"
  client = [["c.pem", "k.pem"]]
  [host."https://mirror.lan".header]
    x-who = ["a", "b"]

[host."http://plain.lan:5000/v2/cache"]
  capabilities = ["pull"]
  override_path = true
"""


def test_any_registry_may_have_mirrors(certs: Path) -> None:
    place = written(certs / "reg.lan:5000", HOSTS)
    settings = RegistrySettings(certificates=(certs,))
    first, second, last = endpoints_for("reg.lan:5000", settings, PULL)
    assert first == Endpoint(
        "https://mirror.lan",
        mirror=True,
        verify=False,
        capabilities=frozenset({"pull", "resolve"}),
        ca_files=(place / "mirror.pem",),
        client_certificates=((place / "c.pem", place / "k.pem"),),
        headers=(("x-who", "a, b"),),
        namespace="reg.lan:5000",
    )
    assert second.url + second.root == "http://plain.lan:5000/v2/cache"
    assert last == Endpoint("https://up.stream")
    assert urls("reg.lan:5000", settings, RESOLVE) == ["https://mirror.lan", "https://up.stream"]
    assert urls("reg.lan:5000", settings, PUSH) == ["https://up.stream"]


@pytest.mark.parametrize("folder", ["reg.lan:5000", "reg.lan_5000_", "_default"])
def test_where_the_file_may_be(certs: Path, folder: str) -> None:
    written(certs / folder, '[host."http://mirror"]')
    settings = RegistrySettings(certificates=(certs,))
    assert urls("reg.lan:5000", settings) == ["http://mirror", "https://reg.lan:5000"]


@pytest.mark.parametrize(
    "text", ["not toml", 'host = "x"', '[host."ftp://x"]', "server = 1", '[host."http://x"]\nheader = 3']
)
def test_a_file_that_makes_no_sense_is_named(certs: Path, text: str) -> None:
    written(certs / "reg.lan", text)
    with pytest.raises(InvalidArgumentError, match=r"reg.lan/hosts\.toml"):
        endpoints_for("reg.lan", RegistrySettings(certificates=(certs,)), PULL)
