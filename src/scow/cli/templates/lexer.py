"""Text of a template → tokens, as text/template/parse does it (lex.go).

Positions count characters from 0, lines from 1. The last token is EOF or ERROR, whose text is the complaint.
"""

from __future__ import annotations

TEXT, LEFT, RIGHT, SPACE, EOF, ERROR = "text", "left", "right", "space", "eof", "error"
ASSIGN, DECLARE, PIPE, OPEN, CLOSE, COMMA = "assign", "declare", "pipe", "open", "close", "char"
FIELD, VARIABLE, IDENTIFIER, DOT, NIL, BOOL = "field", "variable", "identifier", "dot", "nil", "bool"
STRING, RAW_STRING, CHAR, NUMBER, KEYWORD = "string", "raw string", "char constant", "number", "keyword"

KEYWORDS = frozenset(
    ("block", "break", "continue", "define", "else", "end", "if", "range", "template", "with")
)
_SPACES = " \t\r\n"
_SPACE_CHARS = frozenset(_SPACES)
_PLAIN_ENDS = frozenset(" \t\r\n.,|:()")


class Token:
    """``kind`` is one of the constants above; ``text`` is as written."""

    __slots__ = ("kind", "line", "position", "text")

    def __init__(self, kind: str, position: int, text: str, line: int) -> None:
        self.kind = kind
        self.position = position
        self.text = text
        self.line = line


def tokenize(text: str) -> list[Token]:
    """All tokens of ``text``."""
    lexer = _Lexer(text)
    try:
        lexer.run()
    except _Bad as exc:
        lexer.tokens.append(Token(ERROR, lexer.start, str(exc), lexer.line_at(lexer.start)))
    return lexer.tokens


class _Bad(Exception):
    pass


class _Lexer:
    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.start = 0
        self.depth = 0
        self.tokens: list[Token] = []
        self._counted_to = 0
        self._line = 1

    def run(self) -> None:
        while self._text_until_action():
            self._inside_action()
        self.start = self.position
        self._emit(EOF)

    def line_at(self, position: int) -> int:
        if position < self._counted_to:
            return 1 + self.text.count("\n", 0, position)
        self._line += self.text.count("\n", self._counted_to, position)
        self._counted_to = position
        return self._line

    def _emit(self, kind: str) -> None:
        self.tokens.append(
            Token(kind, self.start, self.text[self.start : self.position], self.line_at(self.start))
        )
        self.start = self.position

    def _text_until_action(self) -> bool:
        """Take text up to and with ``{{``; comments are skipped. False at the end of the template."""
        while True:
            found = self.text.find("{{", self.position)
            if found < 0:
                self.position = len(self.text)
                if self.position > self.start:
                    self._emit(TEXT)
                return False
            trim = (
                self.text[found + 2 : found + 3] == "-" and self.text[found + 3 : found + 4] in _SPACE_CHARS
            )
            self.position = found
            if trim:
                kept = self.text[self.start : found].rstrip(_SPACES)
                self.position = self.start + len(kept)
            if self.position > self.start:
                self._emit(TEXT)
            self.start, self.position = found, found + 2
            inside = found + 4 if trim else found + 2
            if not self.text.startswith("/*", inside):
                self._emit(LEFT)
                self.start = self.position = inside
                self.depth = 0
                return True
            self.start = inside
            self._skip_comment(inside)

    def _skip_comment(self, inside: int) -> None:
        end = self.text.find("*/", inside + 2)
        if end < 0:
            raise _Bad("unclosed comment")
        self.position = end + 2
        closes, trim = self._at_right_delimiter()
        if not closes:
            raise _Bad("comment ends before closing delimiter")
        self._pass_right_delimiter(trim)
        self.start = self.position

    def _at_right_delimiter(self) -> tuple[bool, bool]:
        """Whether ``}}`` is next, and whether it is the trimming `` -}}``."""
        text, position = self.text, self.position
        if text[position : position + 1] in _SPACE_CHARS and text.startswith("-}}", position + 1):
            return True, True
        return text.startswith("}}", position), False

    def _pass_right_delimiter(self, trim: bool) -> None:
        self.position += 4 if trim else 2
        while trim and self.text[self.position : self.position + 1] in _SPACE_CHARS:
            self.position += 1

    def _inside_action(self) -> None:
        while True:
            closes, trim = self._at_right_delimiter()
            if closes:
                if self.depth:
                    raise _Bad("unclosed left paren")
                if trim:
                    self.position += 2
                    self.start = self.position
                self.position += 2
                self._emit(RIGHT)
                while trim and self.text[self.position : self.position + 1] in _SPACE_CHARS:
                    self.position += 1
                self.start = self.position
                return
            self._one_token()

    def _next(self) -> str:
        char = self.text[self.position : self.position + 1]
        self.position += len(char)
        return char

    def _one_token(self) -> None:
        char = self._next()
        if char == "":
            raise _Bad("unclosed action")
        if char in _SPACE_CHARS:
            self._space()
        elif char in _SIMPLE:
            self._emit(_SIMPLE[char])
        elif char == ":":
            if self._next() != "=":
                raise _Bad("expected :=")
            self._emit(DECLARE)
        elif char == "(":
            self.depth += 1
            self._emit(OPEN)
        elif char == ")":
            self.depth -= 1
            if self.depth < 0:
                raise _Bad("unexpected right paren")
            self._emit(CLOSE)
        elif char in _QUOTES:
            self._quoted(char)
        elif char == "$" or (char == "." and not _is_digit(self.text[self.position : self.position + 1])):
            self._field_or_variable(VARIABLE if char == "$" else FIELD)
        elif char in "+-." or _is_digit(char):
            self.position -= 1
            self._number()
        elif _is_word(char):
            self._identifier()
        elif char.isascii() and char.isprintable():
            self._emit(COMMA)
        else:
            raise _Bad(f"unrecognized character in action: {unicode_name(char)}")

    def _space(self) -> None:
        while self.text[self.position : self.position + 1] in _SPACE_CHARS:
            self.position += 1
        # The last space belongs to a trimming delimiter, if one follows.
        self.position -= 1
        if not self._at_right_delimiter()[1]:
            self.position += 1
        if self.position > self.start:
            self._emit(SPACE)

    def _quoted(self, quote: str) -> None:
        kind, name = _QUOTES[quote]
        while True:
            char = self._next()
            if char == quote:
                return self._emit(kind)
            if char == "\\" and quote != "`":
                char = self._next()
                if char not in ("", "\n"):
                    continue
            if char == "" or (char == "\n" and quote != "`"):
                raise _Bad(f"unterminated {name}")

    def _field_or_variable(self, kind: str) -> None:
        if self._at_end_of_word():  # a lone "." or "$"
            return self._emit(DOT if kind == FIELD else kind)
        self._word()
        return self._emit(kind)

    def _identifier(self) -> None:
        self._word()
        word = self.text[self.start : self.position]
        if word in KEYWORDS:
            self._emit(KEYWORD)
        elif word in ("true", "false"):
            self._emit(BOOL)
        else:
            self._emit(NIL if word == "nil" else IDENTIFIER)

    def _word(self) -> None:
        while _is_word(char := self.text[self.position : self.position + 1]):
            self.position += 1
        if not self._at_end_of_word():
            raise _Bad(f"bad character {unicode_name(char)}")

    def _at_end_of_word(self) -> bool:
        char = self.text[self.position : self.position + 1]
        return char == "" or char in _PLAIN_ENDS or self.text.startswith("}}", self.position)

    def _number(self) -> None:
        self._take("+-", 1)
        digits = "0123456789_"
        if self._take("0", 1):
            if self._take("xX", 1):
                digits = "0123456789abcdefABCDEF_"
            elif self._take("oO", 1):
                digits = "01234567_"
            elif self._take("bB", 1):
                digits = "01_"
        self._take(digits)
        if self._take(".", 1):
            self._take(digits)
        if (len(digits) == 11 and self._take("eE", 1)) or (len(digits) == 23 and self._take("pP", 1)):
            self._take("+-", 1)
            self._take("0123456789_")
        self._take("i", 1)
        if _is_word(self.text[self.position : self.position + 1]):
            self.position += 1
            raise _Bad(f'bad number syntax: "{self.text[self.start : self.position]}"')
        self._emit(NUMBER)

    def _take(self, valid: str, most: int | None = None) -> bool:
        begin = self.position
        chars = frozenset(valid)
        while self.text[self.position : self.position + 1] in chars:
            self.position += 1
            if most is not None:
                break
        return self.position > begin


_SIMPLE = {"=": ASSIGN, "|": PIPE}
_QUOTES = {
    '"': (STRING, "quoted string"),
    "`": (RAW_STRING, "raw quoted string"),
    "'": (CHAR, "character constant"),
}


def unicode_name(char: str) -> str:
    """``%#U``: U+002D '-'."""
    if char == "":
        return "U+FFFFFFFFFFFFFFFF"  # Go prints its end-of-file rune, -1, so
    return f"U+{ord(char):04X} '{char}'" if char.isprintable() else f"U+{ord(char):04X}"


def _is_digit(char: str) -> bool:
    return char != "" and char in "0123456789"


def _is_word(char: str) -> bool:
    return char == "_" or char.isalpha() or char.isdecimal()
