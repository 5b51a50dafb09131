"""The ids of containers: random, and with a default host name that resolvers look up."""

import re

from scow.runtime.container_ids import new_id


def test_no_default_host_name_is_a_number() -> None:
    # One of 281 hexadecimal numbers of twelve digits has no letter: five thousand without one are no chance.
    ids = [new_id() for _ in range(5_000)]
    assert all(re.fullmatch("[0-9a-f]{64}", it) for it in ids)
    assert not [it for it in ids if it[:12].isdecimal()]
    assert len(set(ids)) == len(ids)
