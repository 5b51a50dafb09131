"""Regular expressions that are compiled when a text is first held against them.

``re`` and what it imports take 7 ms of processor time, a quarter of what a short command takes, and most
commands are given nothing that has to be checked.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re


class Pattern:
    """An ASCII pattern in the language of ``re``."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def fullmatch(self, text: str) -> "re.Match[str] | None":
        """The match of the whole of ``text``."""
        return self._compiled().fullmatch(text)

    def match(self, text: str) -> "re.Match[str] | None":
        """The match at the beginning of ``text``."""
        return self._compiled().match(text)

    def search(self, text: str) -> "re.Match[str] | None":
        """The first match anywhere in ``text``."""
        return self._compiled().search(text)

    def _compiled(self) -> "re.Pattern[str]":
        import re

        return re.compile(self._text, re.ASCII)  # which keeps what it compiled
