"""What a container is told of those it links to."""

from typing import Any

import pytest

from scow.engine.containers.links import Linked, link_environment, parse_link, renewed_hosts
from scow.engine.containers.model import Container
from scow.errors import InvalidArgumentError
from scow.spec.engine_api.container import ContainerConfig, HostConfig


def target(**config: Any) -> Container:
    return Container(
        id="d" * 64,
        name="db_1",
        created="",
        image_id="",
        config=ContainerConfig(hostname="dbhost", **config),
        host=HostConfig(),
        path="",
        args=[],
    )


def test_a_link_has_a_target_and_an_alias() -> None:
    assert parse_link("db:alias") == ("db", "alias")
    assert parse_link("db") == ("db", "db")
    assert parse_link("/db:/web/alias") == ("db", "alias"), "as inspect shows it"


@pytest.mark.parametrize(
    ("text", "message"), [("", "empty string specified for links"), ("a:b:c", "bad format for links: a:b:c")]
)
def test_a_malformed_link_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        parse_link(text)
    assert caught.value.message == message


def test_the_environment_names_ports_ranges_and_variables() -> None:
    doc = target(
        exposed_ports={"80/tcp": {}, "81/tcp": {}, "53/udp": {}, "None/tcp": {}},
        env=["FOO=a=b", "PATH=/x", "HOME=/y", "UNSET"],
    )
    assert link_environment("web", [Linked("the-db", doc, "10.0.0.2")]) == [
        "THE_DB_PORT=tcp://10.0.0.2:80",
        "THE_DB_PORT_80_TCP=tcp://10.0.0.2:80",
        "THE_DB_PORT_80_TCP_ADDR=10.0.0.2",
        "THE_DB_PORT_80_TCP_PORT=80",
        "THE_DB_PORT_80_TCP_PROTO=tcp",
        "THE_DB_PORT_81_TCP=tcp://10.0.0.2:81",
        "THE_DB_PORT_81_TCP_ADDR=10.0.0.2",
        "THE_DB_PORT_81_TCP_PORT=81",
        "THE_DB_PORT_81_TCP_PROTO=tcp",
        "THE_DB_PORT_53_UDP=udp://10.0.0.2:53",
        "THE_DB_PORT_53_UDP_ADDR=10.0.0.2",
        "THE_DB_PORT_53_UDP_PORT=53",
        "THE_DB_PORT_53_UDP_PROTO=udp",
        "THE_DB_PORT_80_TCP_START=tcp://10.0.0.2:80",
        "THE_DB_PORT_80_TCP_PORT_START=80",
        "THE_DB_PORT_80_TCP_END=tcp://10.0.0.2:81",
        "THE_DB_PORT_80_TCP_PORT_END=81",
        "THE_DB_NAME=/web/the-db",
        "THE_DB_ENV_FOO=a=b",
    ]


def test_in_the_hosts_file_it_has_every_name_once() -> None:
    assert Linked("alias", target(), "").names() == "alias dbhost db_1"
    assert Linked("db_1", target(), "").names() == "db_1 dbhost"


def test_a_new_address_takes_the_place_of_the_old_one_and_nothing_else() -> None:
    text = "127.0.0.1\tlocalhost\n10.0.0.2\tdb dbhost\n10.0.0.2\tdb2\n10.0.0.3\tweb db\n# mine\n"
    assert renewed_hosts(text, "db", "10.0.0.9") == text.replace("10.0.0.2\tdb ", "10.0.0.9\tdb ")
    assert renewed_hosts(text, "d.", "10.0.0.9") == text
