"""Texts of HCL: quoted strings and heredocs, with ``${…}`` and ``%{…}`` in them."""

import re

from scow.cli.bake.hcl_nodes import Conditional, HclError, Literal, Node, Repeat, Template

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_HEREDOC = re.compile(r"<<(-?)([^\W\d][\w-]*)[ \t]*\r?\n")
_DIRECTIVE = re.compile(r"\s*(if|else|endif|for|endfor)\b")


def parse_quoted(text: str, at: int) -> tuple[Node, int]:
    """The string that begins at ``at`` with its quote, and where it ends. Raises HclError."""
    parser = _Template(text, at + 1, len(text), quoted=True)
    parts = parser.parts(())
    if not text.startswith('"', parser.at):
        raise HclError("Unterminated string", "There is no closing quote for this string.", at, at + 1)
    end = parser.at + 1
    return joined(parts, at, end), end


def parse_heredoc(text: str, at: int) -> tuple[Node, int]:
    """The heredoc that begins at ``at`` with ``<<``, and where it ends. Raises HclError."""
    head = _HEREDOC.match(text, at)
    if head is None:
        raise HclError("Invalid heredoc", "A heredoc begins with << and a name.", at, at + 2)
    last = re.compile(rf"^[ \t]*{re.escape(head[2])}[ \t]*\r?$", re.MULTILINE).search(text, head.end())
    if last is None:
        raise HclError(
            "Unterminated template string",
            f"No closing marker was found for the string: {head[2]}.",
            at,
            head.end(),
        )
    start, end = head.end(), last.start()
    if head[1]:
        # Positions in what was moved to the left are those of no file: mistakes in it show its beginning.
        shifted = _flush_left(text[start:end])
        parser = _Template(shifted, 0, len(shifted), quoted=False)
    else:
        parser = _Template(text, start, end, quoted=False)
    return joined(parser.parts(()), at, last.end()), last.end()


def parse_template(text: str) -> Node:
    """A whole text, as JSON has it. Raises HclError."""
    parser = _Template(text, 0, len(text), quoted=False)
    return joined(parser.parts(()), 0, len(text))


def joined(parts: list[Node], at: int, end: int) -> Node:
    """One text is that text; one expression alone keeps what kind of value it is."""
    if not parts:
        return Literal(at, end, "")
    if len(parts) == 1 and not isinstance(parts[0], (Repeat, Conditional)):
        return parts[0]
    return Template(at, end, tuple(parts))


def _flush_left(text: str) -> str:
    lines = text.splitlines(keepends=True)
    margin = min((len(line) - len(line.lstrip(" \t")) for line in lines if line.strip()), default=0)
    return "".join(line[margin:] if line.strip() else line.lstrip(" \t") for line in lines)


class _Template:
    """Reads parts up to ``end``, or to the quote if it is ``quoted``."""

    def __init__(self, text: str, at: int, end: int, *, quoted: bool) -> None:
        self.text = text
        self.at = at
        self._end = end
        self._quoted = quoted
        self._strip_next = False

    def parts(self, until: tuple[str, ...]) -> list[Node]:
        """Up to the end, or to a directive of ``until``, of which only ``%{`` is still to be read."""
        found: list[Node] = []
        literal: list[str] = []
        start = self.at

        def flush() -> None:
            content = "".join(literal)
            if self._strip_next:
                content = content.lstrip()
                self._strip_next = not content
            if content:
                found.append(Literal(start, self.at, content))
            literal.clear()

        while self.at < self._end and not (self._quoted and self.text[self.at] == '"'):
            if self.text.startswith(("$${", "%%{"), self.at):
                literal.append(self.text[self.at + 1 : self.at + 3])
                self.at += 3
            elif self.text.startswith(("${", "%{"), self.at):
                if self.text.startswith("~", self.at + 2):
                    literal[:] = ["".join(literal).rstrip()]
                flush()
                if self.text.startswith("%{", self.at) and self._directive() in until:
                    return found
                found.append(self._sequence())
                start = self.at
            else:
                literal.append(self._character())
        flush()
        return found

    def _character(self) -> str:
        char = self.text[self.at]
        self.at += 1
        if not self._quoted:
            return char
        if char == "\n":
            raise HclError(
                "Invalid multi-line string",
                "Quoted strings may not be split over multiple lines. To produce a multi-line string, either "
                'use the \\n escape to represent a newline character or use the "heredoc" multi-line '
                "template syntax.",
                self.at - 1,
                self.at,
            )
        if char != "\\":
            return char
        kind = self.text[self.at : self.at + 1]
        self.at += 1
        if kind in ("u", "U"):
            size = 4 if kind == "u" else 8
            digits = self.text[self.at : self.at + size]
            self.at += size
            try:
                return chr(int(digits, 16))
            except ValueError:
                kind = f"u{digits}"
        if kind not in _ESCAPES:
            raise HclError(
                "Invalid escape sequence",
                f'The symbol "{kind}" is not a valid escape sequence selector.',
                self.at - 2,
                self.at,
            )
        return _ESCAPES[kind]

    def _directive(self) -> str:
        begin = self.at + (3 if self.text.startswith("~", self.at + 2) else 2)
        match = _DIRECTIVE.match(self.text, begin)
        if match is None:
            raise HclError(
                "Invalid template directive",
                "A template directive begins with a keyword: if, else, endif, for or endfor.",
                self.at,
                self.at + 2,
            )
        return match[1]

    def _sequence(self) -> Node:
        if self.text.startswith("%{", self.at):
            keyword = self._directive()
            if keyword == "if":
                return self._condition()
            if keyword == "for":
                return self._repeat()
            raise HclError(
                "Unexpected directive", f"There is no open one for this {keyword}.", self.at, self.at + 2
            )
        return self._expression_after("${")

    def _condition(self) -> Node:
        at = self.at
        condition = self._expression_after("%{", "if")
        if_true = joined(self.parts(("else", "endif")), at, self.at)
        if_false: Node = Literal(at, self.at, "")
        if self._directive_next() == "else":
            self._keyword("else")
            if_false = joined(self.parts(("endif",)), at, self.at)
        self._keyword("endif")
        return Conditional(at, self.at, condition, if_true, if_false)

    def _repeat(self) -> Node:
        from scow.cli.bake.hcl_expressions import ExpressionParser

        at = self.at
        self.at += 3 if self.text.startswith("~", self.at + 2) else 2
        names = re.compile(r"\s*for\s+([^\W\d][\w-]*)(?:\s*,\s*([^\W\d][\w-]*))?\s+in\b").match(
            self.text, self.at
        )
        if names is None:
            raise HclError("Invalid template directive", "Expected: for NAME in EXPRESSION.", at, self.at)
        parser = ExpressionParser(self.text, names.end(), inside=True)
        of = parser.expression()
        self._close(parser)
        body = joined(self.parts(("endfor",)), at, self.at)
        self._keyword("endfor")
        key, item = (names[1], names[2]) if names[2] else ("", names[1])
        return Repeat(at, self.at, key, item, of, body)

    def _directive_next(self) -> str:
        if self.at >= self._end or not self.text.startswith("%{", self.at):
            raise HclError("Unclosed directive", "The template ends before its end.", self.at, self.at + 1)
        return self._directive()

    def _keyword(self, word: str) -> None:
        if self._directive_next() != word:
            raise HclError("Unexpected directive", f"Expected {word} here.", self.at, self.at + 2)
        from scow.cli.bake.hcl_expressions import ExpressionParser

        self.at = self.text.index(word, self.at) + len(word)
        self._close(ExpressionParser(self.text, self.at, inside=True))

    def _expression_after(self, opening: str, word: str = "") -> Node:
        from scow.cli.bake.hcl_expressions import ExpressionParser

        self.at += len(opening)
        if self.text.startswith("~", self.at):
            self.at += 1
        if word:
            self.at = self.text.index(word, self.at) + len(word)
        parser = ExpressionParser(self.text, self.at, inside=True)
        node = parser.expression()
        self._close(parser)
        return node

    def _close(self, parser: "ExpressionParser") -> None:
        parser.skip(newlines=True)
        self._strip_next = parser.peek("~")
        if self._strip_next:
            parser.at += 1
        if not parser.peek("}"):
            raise HclError(
                "Extra characters after interpolation expression",
                "Expected a closing brace to end the interpolation expression, but found extra characters.",
                parser.at,
                parser.at + 1,
            )
        self.at = parser.at + 1


TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.bake.hcl_expressions import ExpressionParser
