"""Words of a Dockerfile line: variables replaced, quotes taken off, split at blanks.

The rules are BuildKit's (shell/lex.go), which are the shell's with few exceptions. Single quotes keep
everything; in double quotes the escape character works on ``"``, ``$`` and itself alone; outside it takes
the meaning from whatever follows. Variables:

    $name ${name}         the value, empty if not set
    ${name:-word} ${name-word}     ``word`` if not set (``:``: or empty)
    ${name:+word} ${name+word}     ``word`` if set (``:``: and not empty)
    ${name:?word} ${name?word}     an error that says ``word`` if not set (``:``: or empty)
    ${name#pattern} ${name##pattern} ${name%pattern} ${name%%pattern}    without a prefix or suffix
    ${name/pattern/word} ${name//pattern/word}    the first, or every match replaced
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache

from scow.errors import InvalidArgumentError

_NO_CHARACTER = "\ufffd"
_SPECIAL = frozenset("@*#?-$!0")
_QUOTES = "'\""
_PATTERN = re.compile(r"\\(.)|(\*)|(\?)|([^\\*?]+)|(\\)", re.DOTALL)
_BLANKS_OR_NOT = re.compile(r"(\s+)|\S+")


@dataclass(frozen=True, slots=True)
class Lexing:
    """How words are read. ``keep_unset``: a variable that is not set stays as it stands.

    ``keep_quotes`` and ``keep_escapes`` leave those characters in; with ``quotes_plain`` a quote is a
    character like any other.
    """

    escape: str = "\\"
    keep_unset: bool = False
    keep_quotes: bool = False
    keep_escapes: bool = False
    quotes_plain: bool = False


_USUAL = Lexing()


def expand(
    text: str,
    variables: Mapping[str, str | None],
    lexing: Lexing = _USUAL,
    on_unset: Callable[[str], None] | None = None,
) -> str:
    """``text`` as one word; ``on_unset`` hears of variables that are not set.

    Raises InvalidArgumentError.
    """
    return _Lexer(text, variables, lexing, on_unset).read("")


def expand_words(
    text: str,
    variables: Mapping[str, str | None],
    lexing: Lexing = _USUAL,
    on_unset: Callable[[str], None] | None = None,
) -> list[str]:
    """``text`` split at blanks, also those that come out of a variable that is not quoted.

    Raises InvalidArgumentError.
    """
    lexer = _Lexer(text, variables, lexing, on_unset)
    lexer.read("")
    return lexer.words()


def split_words(text: str, escape: str = "\\") -> list[str]:
    """The words of ``text`` as they stand, quotes and all; a quote that does not end, ends with the text."""
    words, word, quote, at = [], "", "", 0
    while at < len(text):
        mark = text[at]
        at += 1
        if not quote and mark.isspace():
            if word:
                words.append(word)
            word = ""
            continue
        if mark == escape and quote != "'":
            if at == len(text):
                continue
            word += mark + text[at]
            at += 1
            continue
        if mark == quote:
            quote = ""
        elif not quote and mark in "'\"":
            quote = mark
        word += mark
    return [*words, word] if word else words


@cache
def _plain_run(escape: str, stop: str, quotes_plain: bool) -> re.Pattern[str]:
    """Characters that mean themselves, as many as there are."""
    return re.compile(f"[^{re.escape('$' + escape + stop + ('' if quotes_plain else _QUOTES))}]+")


class _Lexer:
    def __init__(
        self,
        text: str,
        variables: Mapping[str, str | None],
        lexing: Lexing,
        on_unset: Callable[[str], None] | None,
    ) -> None:
        self._text = text
        self._at = 0
        self._variables = variables
        self._how = lexing
        self._on_unset = on_unset
        self._words: list[str] = []
        self._word: list[str] | None = None
        """The pieces of the word that is being read, ``None`` between words."""

    def words(self) -> list[str]:
        return self._words if self._word is None else [*self._words, "".join(self._word)]

    def read(self, stop: str) -> str:
        """Up to ``stop``, which is taken, or to the end if that is empty."""
        result: list[str] = []
        plain = _plain_run(self._how.escape, stop, self._how.quotes_plain)
        while self._at < len(self._text):
            if run := plain.match(self._text, self._at):
                self._at = run.end()
                self._add_splitting(run[0])
                result.append(run[0])
                continue
            mark = self._text[self._at]
            if mark == stop:
                self._at += 1
                return "".join(result)
            if mark == "$":
                piece = self._dollar()
                self._add_splitting(piece)
            elif mark in "'\"" and not self._how.quotes_plain:
                piece = self._single() if mark == "'" else self._double()
                self._add(piece)
            else:
                piece = self._escaped()
                self._add(piece)
            result.append(piece)
        if stop:
            raise InvalidArgumentError(f"unexpected end of statement while looking for matching {stop}")
        return "".join(result)

    def _add(self, piece: str) -> None:
        if self._word is None:
            self._word = []
        self._word.append(piece)

    def _add_splitting(self, piece: str) -> None:
        for match in _BLANKS_OR_NOT.finditer(piece):
            if match[1] is None:
                self._add(match[0])
            elif self._word is not None:
                self._words.append("".join(self._word))
                self._word = None

    def _escaped(self) -> str:
        kept = self._how.escape if self._how.keep_escapes else ""
        piece = kept + self._text[self._at + 1 : self._at + 2]
        self._at += 2
        return piece

    def _single(self) -> str:
        end = self._text.find("'", self._at + 1)
        if end < 0:
            raise InvalidArgumentError("unexpected end of statement while looking for matching single-quote")
        piece = self._text[self._at + 1 : end]
        self._at = end + 1
        return f"'{piece}'" if self._how.keep_quotes else piece

    def _double(self) -> str:
        kept = '"' if self._how.keep_quotes else ""
        result = kept
        self._at += 1
        while self._at < len(self._text):
            mark = self._text[self._at]
            if mark == '"':
                self._at += 1
                return result + kept
            if mark == "$":
                result += self._dollar()
                continue
            self._at += 1
            if mark == self._how.escape:
                result += mark if self._how.keep_escapes else ""
                following = self._text[self._at : self._at + 1]
                if not following:
                    continue
                if following in ('"', "$", self._how.escape):
                    mark = following
                    self._at += 1
                elif self._how.keep_escapes:
                    continue
            result += mark
        raise InvalidArgumentError("unexpected end of statement while looking for matching double-quote")

    def _dollar(self) -> str:
        self._at += 1
        if self._text[self._at : self._at + 1] != "{":
            name = self._name()
            if not name:
                return "$"
            return self._value(name, f"${name}")
        self._at += 1
        following = self._text[self._at : self._at + 1]
        if not following:
            raise InvalidArgumentError("syntax error: missing '}'")
        if following in "{}:":
            raise InvalidArgumentError("syntax error: bad substitution")
        return self._substitution(self._name())

    def _value(self, name: str, as_it_stands: str) -> str:
        value = self._looked_up(name)
        if value is not None:
            return value
        return as_it_stands if self._how.keep_unset else ""

    def _looked_up(self, name: str) -> str | None:
        value = self._variables.get(name)
        if value is None and self._on_unset is not None:
            self._on_unset(name)
        return value

    def _name(self) -> str:
        begin = self._at
        text = self._text
        first = text[begin : begin + 1]
        if first.isdigit():
            while text[self._at : self._at + 1].isdigit():
                self._at += 1
        elif first in _SPECIAL and first:
            self._at += 1
        else:
            while (mark := text[self._at : self._at + 1]) == "_" or mark.isalnum():
                self._at += 1
        return text[begin : self._at]

    def _take(self) -> str:
        mark = self._text[self._at : self._at + 1]
        self._at += 1
        return mark

    def _substitution(self, name: str) -> str:
        mark = modifier = self._take()
        if mark == "}":
            return self._value(name, f"${{{name}}}")
        empty_is_unset = mark == ":"
        if empty_is_unset:
            mark = self._take()
            modifier += mark
        if mark == "/" and not empty_is_unset:
            return self._replaced(name)
        if mark not in ("-", "+", "?", "#", "%") or (empty_is_unset and mark in "#%"):
            if not mark and empty_is_unset:
                raise InvalidArgumentError("syntax error: missing '}'")
            # BuildKit takes the end of the text for a character that cannot be.
            raise InvalidArgumentError(f"unsupported modifier ({modifier or _NO_CHARACTER}) in substitution")
        word = self._inner("}", keep_escapes=mark in "#%")
        value = self._looked_up(name)
        if value is None and self._how.keep_unset:
            return f"${{{name}{modifier}{word}}}"
        if mark in "#%":
            return _trimmed(value or "", word, mark)
        return _chosen(name, value, word, mark, empty_is_unset)

    def _inner(self, stop: str, *, keep_escapes: bool) -> str:
        """A word inside braces, up to ``stop``. It is no word of the line."""
        how, word, words = self._how, self._word, self._words
        self._word, self._words = None, []
        if keep_escapes:
            self._how = replace(how, keep_escapes=True)
        try:
            return self.read(stop)
        except InvalidArgumentError:
            if self._at >= len(self._text):
                where = " in ${}" if stop == "/" else ""
                raise InvalidArgumentError(f"syntax error: missing '{stop}'{where}") from None
            raise
        finally:
            self._how, self._word, self._words = how, word, words

    def _replaced(self, name: str) -> str:
        every = self._text[self._at : self._at + 1] == "/"
        self._at += every
        pattern = self._inner("/", keep_escapes=True)
        word = self._inner("}", keep_escapes=True)
        value = self._looked_up(name)
        if value is None and self._how.keep_unset:
            return f"${{{name}/{'/' * every}{pattern}/{word}}}"
        found = re.compile(_expression(pattern, greedy=True))
        return found.sub(lambda _: word, value or "", count=0 if every else 1)


def _chosen(name: str, value: str | None, word: str, mark: str, empty_is_unset: bool) -> str:
    missing = value is None or (empty_is_unset and not value)
    if mark == "-":
        return word if missing else value or ""
    if mark == "+":
        return "" if missing else word
    if missing:
        state = "unset" if value is None else "empty"
        raise InvalidArgumentError(f"{name}: {word or f'is not allowed to be {state}'}")
    return value or ""


def _trimmed(value: str, pattern: str, mark: str) -> str:
    greedy = pattern.startswith(mark)
    expression = _expression(pattern[1:] if greedy else pattern, greedy=greedy)
    if mark == "#":
        match = re.match(expression, value)
        return value[match.end() :] if match else value
    # A suffix is longest where the leftmost match begins, shortest where the rightmost one does.
    match = re.search(f"{'' if greedy else '(?s:.*)'}({expression})\\Z", value)
    return value[: match.start(1)] if match else value


def _expression(pattern: str, *, greedy: bool) -> str:
    """A shell pattern as a regular expression. Raises InvalidArgumentError for an escape it does not have."""
    parts = []
    for match in _PATTERN.finditer(pattern):
        escaped, star, question, plain, lone = match.groups()
        if star:
            parts.append(".*" if greedy else ".*?")
        elif question:
            parts.append(".")
        elif plain:
            parts.append(re.escape(plain))
        elif lone or escaped not in ("*", "?", "\\"):
            raise InvalidArgumentError(f"invalid escape '\\{escaped or ''}'")
        else:
            parts.append(re.escape(escaped))
    return "".join(parts)
