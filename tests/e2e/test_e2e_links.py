"""``--link`` on the default bridge: hosts entries, variables, and what becomes of them."""

import json

import pytest

from tests.support.clients import Client

pytestmark = pytest.mark.reference


def hosts(client: Client, container: str) -> list[list[str]]:
    """Lines of a running container's /etc/hosts as address and names."""
    return [line.split() for line in client("exec", container, "cat", "/etc/hosts").lines]


def address(client: Client, container: str) -> str:
    return client.inspect(container, "{{.NetworkSettings.Networks.bridge.IPAddress}}")


@pytest.fixture
def linked(client: Client) -> Client:
    """``web`` that links to ``db`` as ``data-base`` and as itself; both run."""
    ports = ("--expose", "5432", "--expose", "5433", "-e", "SECRET=a=b", "--hostname", "dbhost")
    client.start("--name", "db", *ports, "busybox", "sleep", "600")
    client.start("--name", "web", "--link", "db:data-base", "--link", "db", "busybox", "sleep", "600")
    return client


def test_a_link_gives_names_and_variables(linked: Client) -> None:
    at = address(linked, "db")
    assert [at, "data-base", "dbhost", "db"] in hosts(linked, "web")
    assert [at, "db", "dbhost"] in hosts(linked, "web")
    seen = set(linked("exec", "web", "env").lines)
    first = set(linked("exec", "web", "sh", "-c", "tr '\\0' '\\n' </proc/1/environ").lines)
    expected = {
        "DATA_BASE_NAME=/web/data-base",
        "DATA_BASE_ENV_SECRET=a=b",
        f"DATA_BASE_PORT=tcp://{at}:5432",
        f"DATA_BASE_PORT_5432_TCP=tcp://{at}:5432",
        f"DATA_BASE_PORT_5432_TCP_ADDR={at}",
        "DATA_BASE_PORT_5432_TCP_PORT=5432",
        "DATA_BASE_PORT_5432_TCP_PROTO=tcp",
        f"DATA_BASE_PORT_5433_TCP=tcp://{at}:5433",
        "DB_NAME=/web/db",
    }
    assert expected <= seen
    assert expected <= first
    linked("exec", "web", "ping", "-c1", "-W5", "data-base")


def test_a_link_shows_in_inspect_and_in_lists_by_names_of_today(linked: Client) -> None:
    links = "{{json .HostConfig.Links}}"
    assert sorted(json.loads(linked.inspect("web", links))) == ["/db:/web/data-base", "/db:/web/db"]
    assert linked.inspect("web/data-base", "{{.Name}}") == "/db"
    listed = linked.text("ps", "--no-trunc", "--filter", "name=^/db$", "--format", "{{.Names}}")
    assert sorted(listed.split(",")) == ["db", "web/data-base", "web/db"]
    linked("rename", "db", "store")
    linked("rename", "web", "site")
    assert sorted(json.loads(linked.inspect("site", links))) == ["/store:/site/data-base", "/store:/site/db"]
    assert linked.inspect("site/db", "{{.Name}}") == "/store"


def test_the_entry_follows_a_target_that_starts_again_elsewhere(linked: Client) -> None:
    linked("stop", "-t", "0", "db")
    before = address(linked, "db") or "172.17.0.2"
    linked.start("busybox", "sleep", "600")
    linked("start", "db")
    now = address(linked, "db")
    assert now != before
    assert [now, "data-base", "dbhost", "db"] in hosts(linked, "web")
    assert [now, "db", "dbhost"] in hosts(linked, "web")


def test_a_link_is_taken_away_by_its_name(linked: Client) -> None:
    assert linked.text("rm", "--link", "web/data-base") == "web/data-base"
    assert linked.inspect("web", "{{json .HostConfig.Links}}") == '["/db:/web/db"]'
    assert linked.status("db") == "running"
    error = linked("rm", "--link", "web", code=1).err
    assert "Conflict, cannot remove the default link name of the container" in error
    assert "No such container: web/data-base" in linked("rm", "--link", "web/data-base", code=1).err


def test_a_target_has_to_run_and_to_be_there(linked: Client) -> None:
    linked("rm", "-f", "db")
    error = linked("restart", "-t", "0", "web", code=1).err
    assert "Cannot link to a non running container: /" in error
    assert " AS /web/" in error
    error = linked("create", "--link", "nobody:x", "busybox", code=1).err
    assert "could not get container for nobody: No such container: nobody" in error
    linked.start("--name", "host", "--network", "host", "busybox", "sleep", "600")
    error = linked("create", "--link", "host", "busybox", code=1).err
    assert "conflicting options: host type networking can't be used with links" in error
