"""The shortest way through everything: one container, seen by every client."""

import pytest

from tests.support.clients import Client

pytestmark = pytest.mark.reference


def test_a_container_runs_and_its_output_arrives(client: Client) -> None:
    assert client("run", "--rm", "busybox", "echo", "hello").out == "hello\n"


def test_the_exit_code_of_the_container_is_the_exit_code_of_run(client: Client) -> None:
    assert client("run", "--rm", "busybox", "sh", "-c", "exit 42", code=None).code == 42
