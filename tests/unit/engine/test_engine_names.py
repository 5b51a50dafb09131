"""Random container names."""

import random

from scow.engine.names import random_name


class Everything:
    """Contains whatever has no digit at its end."""

    def __contains__(self, name: object) -> bool:
        return not str(name)[-1].isdigit()


def test_a_name_is_an_adjective_and_a_surname() -> None:
    adjective, surname = random_name(set(), random.Random(1)).split("_")
    assert adjective.isalpha()
    assert surname.isalpha()


def test_when_names_run_out_a_digit_is_added() -> None:
    assert random_name(Everything(), random.Random(1))[-1].isdigit()
