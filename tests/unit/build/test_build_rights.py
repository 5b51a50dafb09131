"""What steps want that their client has to grant."""

import pytest

from scow.build.frontend.rights import check_granted, wanted_rights
from scow.build.graph.ops import RunOp
from scow.errors import InvalidArgumentError


@pytest.mark.parametrize(
    ("own", "builds", "insecure", "wanted"),
    [
        ("default", "default", False, ()),
        ("default", "none", False, ()),
        ("default", "host", False, ("network.host",)),
        ("host", "none", False, ("network.host",)),
        ("none", "host", False, ()),
        ("host", "default", True, ("network.host", "security.insecure")),
    ],
)
def test_rights_of_a_step(own: str, builds: str, insecure: bool, wanted: tuple[str, ...]) -> None:
    op = RunOp(args=("true",), env=(), cwd="/", user="", network=own, insecure=insecure)
    assert wanted_rights(op, builds) == wanted


def test_what_the_engine_grants_nobody() -> None:
    check_granted(["network.host", "device=vendor/it"], {"network.host", "device"})
    message = "granting entitlement network.host is not allowed by build daemon configuration"
    with pytest.raises(InvalidArgumentError, match=message):
        check_granted(["network.host"], {"device"})
