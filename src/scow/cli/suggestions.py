"""What a mistyped word may have been meant to be. Docker's command line does not say, so not in its name."""

import difflib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# "imges" is near images and "pss" near ps, but "context" is not near container.
_SIMILARITY = 0.7
_MOST = 3


def suggestion(program: str, word: str, known: "Iterable[str]") -> str:
    """A paragraph, with its empty line before, that names the words near ``word``; "" if there is none."""
    if program != "scow":
        return ""
    near = difflib.get_close_matches(word, sorted(known), _MOST, _SIMILARITY)
    return "\n\nDid you mean this?\n" + "\n".join(f"\t{name}" for name in near) if near else ""
