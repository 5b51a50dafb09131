"""Files in HCL's native syntax: attributes and blocks. Expressions are ``hcl_expressions``'."""

from scow.cli.bake.hcl_expressions import ExpressionParser
from scow.cli.bake.hcl_nodes import Block, Body, HclError, Node

_MAX_DEPTH = 64


def parse_hcl(text: str) -> Body:
    """Raises HclError."""
    parser = _FileParser(text)
    try:
        return parser.body(is_file=True, depth=0)
    except RecursionError as exc:  # templates in expressions in templates are counted by nobody
        raise HclError("Invalid expression", "Expressions are nested too deeply.", parser.at) from exc


class _FileParser(ExpressionParser):
    def body(self, *, is_file: bool, depth: int) -> Body:
        """Up to the end of the file, or to the brace that closes the block."""
        if depth > _MAX_DEPTH:
            raise HclError("Invalid block definition", "Blocks are nested too deeply.", self.at, self.at + 1)
        attributes: dict[str, Node] = {}
        blocks: list[Block] = []
        while True:
            self.skip(newlines=True)
            if self.at >= len(self.text) or self.peek("}"):
                if is_file is (self.at >= len(self.text)):
                    return Body(attributes, tuple(blocks))
                raise self._unexpected_end(is_file)
            self._item(attributes, blocks, depth)

    def _unexpected_end(self, is_file: bool) -> HclError:
        if is_file:
            return HclError(
                "Argument or block definition required",
                "An argument or block definition is required here.",
                self.at,
                self.at + 1,
            )
        return HclError(
            "Unclosed configuration block",
            "There is no closing brace for this block before the end of the file. This may be caused by "
            "incorrect brace nesting elsewhere in this file.",
            self.at,
        )

    def _item(self, attributes: dict[str, Node], blocks: list[Block], depth: int) -> None:
        at = self.at
        name = self.identifier()
        if not name:
            raise HclError(
                "Argument or block definition required",
                "An argument or block definition is required here.",
                at,
                at + 1,
            )
        self.skip()
        if self.peek("=") and not self.peek("=="):
            self.at += 1
            if name in attributes:
                raise HclError(
                    "Attribute redefined",
                    f'The argument "{name}" was already set. Each argument may be set only once.',
                    at,
                    at + len(name),
                )
            attributes[name] = self.expression()
            self._end_of_item()
        else:
            blocks.append(self._block(name, at, depth))

    def _block(self, kind: str, at: int, depth: int) -> Block:
        labels: list[str] = []
        while not self.peek("{"):
            label = self.identifier()
            if not label and self.peek('"'):
                label = self.plain_string()
            elif not label:
                raise HclError(
                    "Invalid block definition",
                    'Either a quoted string block label or an opening brace ("{") is expected here.',
                    self.at,
                    self.at + 1,
                )
            labels.append(label)
            self.skip()
        self.at += 1
        head_end = self.at
        body = self.body(is_file=False, depth=depth + 1)
        self.expect("}")
        self._end_of_item()
        return Block(kind, tuple(labels), body, at, head_end)

    def _end_of_item(self) -> None:
        """One line each; a block on one line holds one argument."""
        self.skip()
        if self.at < len(self.text) and not self.peek("\n") and not self.peek("}"):
            raise HclError(
                "Missing newline after argument",
                "An argument definition must end with a newline.",
                self.at,
                self.at + 1,
            )
