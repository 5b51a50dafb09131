"""The characters of HCL: blanks and comments, names, numbers, plain strings."""

from scow.cli.bake.hcl_nodes import HclError, Literal
from scow.cli.bake.hcl_templates import parse_quoted

DIGITS = frozenset("0123456789")


class Scanner:
    """Reads ``text`` from ``at`` on. Between brackets of any kind (``inside``) lines do not end anything."""

    def __init__(self, text: str, at: int = 0, *, inside: bool = False) -> None:
        self.text = text
        self.at = at
        self._inside = int(inside)

    def skip(self, *, newlines: bool = False) -> None:
        """Past spaces and comments, and past the ends of lines where they mean nothing."""
        text = self.text
        while self.at < len(text):
            char = text[self.at]
            if char in " \t\r" or (char == "\n" and (newlines or self._inside)):
                self.at += 1
            elif char == "#" or text.startswith("//", self.at):
                end = text.find("\n", self.at)
                self.at = len(text) if end < 0 else end
            elif text.startswith("/*", self.at):
                end = text.find("*/", self.at + 2)
                if end < 0:
                    raise HclError("Unterminated comment", 'There is no "*/" for it.', self.at, self.at + 2)
                self.at = end + 2
            else:
                return

    def peek(self, word: str) -> bool:
        """Whether ``word`` comes next."""
        return self.text.startswith(word, self.at)

    def expect(self, word: str) -> None:
        """Past ``word``. Raises HclError."""
        self.skip()
        if not self.peek(word):
            raise HclError("Invalid expression", f'Expected "{word}" here.', self.at, self.at + 1)
        self.at += len(word)

    def identifier(self) -> str:
        """The name that comes next, or ""."""
        end = self.at
        text = self.text
        while end < len(text) and (
            text[end].isalnum() or text[end] == "_" or (text[end] == "-" and end > self.at)
        ):
            end += 1
        name = text[self.at : end]
        if name[:1].isdigit():
            return ""
        self.at = end
        return name

    def plain_string(self) -> str:
        """A quoted text without expressions in it. Raises HclError."""
        at = self.at
        node, self.at = parse_quoted(self.text, self.at)
        if not isinstance(node, Literal):
            raise HclError("Invalid string literal", "Template sequences are not allowed in this string.", at)
        return str(node.value)

    def digits(self) -> str:
        """The digits that come next, or ""."""
        end = self.at
        while end < len(self.text) and self.text[end] in DIGITS:
            end += 1
        digits, self.at = self.text[self.at : end], end
        return digits

    def number(self) -> Literal:
        """The number that begins here. Raises HclError."""
        at = self.at
        text = self.digits()
        if self.peek(".") and self.text[self.at + 1 : self.at + 2] in DIGITS and self.at + 1 < len(self.text):
            self.at += 1
            text += "." + self.digits()
        if self.text[self.at : self.at + 1] in ("e", "E"):
            start = self.at
            self.at += 2 if self.text[self.at + 1 : self.at + 2] in ("+", "-") else 1
            self.digits()
            text += self.text[start : self.at]
        try:
            value = float(text) if any(char in text for char in ".eE") else int(text)
        except ValueError as exc:
            raise HclError("Invalid number literal", "This is no number.", at, self.at) from exc
        return Literal(at, self.at, value)
