"""A digest that is taken while the next piece is made."""

import hashlib

import pytest

from scow.image.digest_beside import DigestBeside


@pytest.mark.parametrize("count", [0, 1, 2, 3, 50])
def test_it_is_that_of_all_pieces_in_order(count: int) -> None:
    pieces = [bytes([number]) * 5000 for number in range(count)]
    with DigestBeside() as digest:
        for piece in pieces:
            digest.update(piece)
        assert digest.hexdigest() == hashlib.sha256(b"".join(pieces)).hexdigest()
