"""Here-documents: ``<<EOF`` in ``RUN``, ``COPY`` and ``ADD``, and the lines that belong to them."""

import re
from dataclasses import dataclass

from scow.errors import InvalidArgumentError
from scow.spec.shell_words import Lexing, expand_words

_MARK = re.compile(r"(\d*)<<(-?)([^<]*)", re.DOTALL)
_AS_IT_STANDS = Lexing(keep_unset=True, keep_quotes=True, keep_escapes=True)
_UNQUOTED = Lexing(keep_unset=True)


@dataclass(frozen=True, slots=True)
class Heredoc:
    """``expanded``: variables in it are replaced, because the name has no quotes.

    ``chomp``: leading tabs are dropped (``<<-``). ``content`` is as it stands in the Dockerfile.
    """

    name: str
    expanded: bool
    chomp: bool
    descriptor: int = 0
    content: str = ""

    def text(self) -> str:
        """The content, without leading tabs where they do not count."""
        return re.sub(r"^\t+", "", self.content, flags=re.M) if self.chomp else self.content


def parse_heredoc(word: str) -> Heredoc | None:
    """The heredoc that ``word`` begins, ``None`` if it is none. Raises InvalidArgumentError."""
    match = _MARK.fullmatch(word)
    if match is None or not match[3]:
        return None
    names = expand_words(match[3], {}, _UNQUOTED)
    if len(names) != 1:
        return None
    return Heredoc(
        name=names[0],
        expanded=expand_words(match[3], {}, _AS_IT_STANDS) == names,
        chomp=match[2] == "-",
        descriptor=int(match[1] or 0),
    )


def heredocs_of(line: str) -> list[Heredoc]:
    """All heredocs that a line begins, in order; a line that is no words has none."""
    if "<<" not in line:
        return []
    try:
        words = expand_words(line, {}, _AS_IT_STANDS)
        return [found for word in words if (found := parse_heredoc(word)) is not None]
    except InvalidArgumentError:
        return []
