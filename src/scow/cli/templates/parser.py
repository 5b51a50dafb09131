"""Tokens → nodes, with Go's grammar and Go's complaints (text/template/parse/parse.go)."""

from __future__ import annotations

from scow.cli.go_values import quote
from scow.cli.templates import lexer, literals
from scow.cli.templates.errors import TemplateSyntaxError
from scow.cli.templates.lexer import Token
from scow.cli.templates.nodes import (
    Action,
    Branch,
    Chain,
    Command,
    Dot,
    Field,
    Identifier,
    Inclusion,
    Literal,
    Mark,
    Nil,
    Node,
    Pipe,
    Sequence,
    Text,
    Variable,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container

_OPERANDS = frozenset(
    (
        *(lexer.BOOL, lexer.CHAR, lexer.DOT, lexer.FIELD, lexer.IDENTIFIER, lexer.NUMBER, lexer.NIL),
        *(lexer.RAW_STRING, lexer.STRING, lexer.VARIABLE, lexer.OPEN),
    )
)
_NAMES_AFTER_COMMA = frozenset((lexer.VARIABLE, lexer.RIGHT, lexer.CLOSE))
# Deep nesting would end in a RecursionError at some number; this one is far below it.
_MAX_DEPTH = 100


def parse(text: str, functions: Container[str]) -> dict[str, Sequence]:
    """The nodes of template ``text``, named "", and of what it defines. Raises ``TemplateSyntaxError``."""
    return _Parser(lexer.tokenize(text), functions).parse()


class _Parser:
    def __init__(self, tokens: list[Token], functions: Container[str]) -> None:
        self.tokens = tokens
        self.at = 0
        self.functions = functions
        self.variables = ["$"]
        self.ranges = 0
        self.depth = 0
        self.action_line = 0
        self.definitions: dict[str, Sequence] = {}

    # Tokens. The last one repeats for ever.

    def _peek(self) -> Token:
        return self.tokens[min(self.at, len(self.tokens) - 1)]

    def _next(self) -> Token:
        token = self._peek()
        self.at += 1
        return token

    def _next_solid(self) -> Token:
        while (token := self._next()).kind == lexer.SPACE:
            pass
        return token

    def _peek_solid(self) -> Token:
        while self._peek().kind == lexer.SPACE:
            self.at += 1
        return self._peek()

    def _error(self, message: str) -> TemplateSyntaxError:
        line = self.tokens[max(0, min(self.at, len(self.tokens)) - 1)].line
        return TemplateSyntaxError(f"template: :{line}: {message}")

    def _unexpected(self, token: Token, context: str) -> TemplateSyntaxError:
        if token.kind != lexer.ERROR:
            return self._error(f"unexpected {_shown(token)} in {context}")
        extra = ""
        if self.action_line not in (0, token.line):
            started = f"started at :{self.action_line}"
            extra = f" {started}" if token.text.endswith(" action") else f" in action {started}"
        return self._error(token.text + extra)

    # Statements.

    def parse(self) -> dict[str, Sequence]:
        root = Sequence(0)
        while self._peek().kind != lexer.EOF:
            if self._begins_definition():
                self._define("define clause", self._template_name("define clause"))
                continue
            node = self._text_or_action()
            if isinstance(node, Mark) and node.word in ("end", "else"):
                raise self._error(f"unexpected {node}")
            root.nodes.append(node)
        self._add("", root)
        return self.definitions

    def _begins_definition(self) -> bool:
        """Whether ``{{define`` comes next; it is behind us then."""
        begin = self.at
        if self._next().kind == lexer.LEFT:
            token = self._next_solid()
            if token.kind == lexer.KEYWORD and token.text == "define":
                return True
        self.at = begin
        return False

    def _template_name(self, context: str) -> str:
        token = self._next_solid()
        if token.kind not in (lexer.STRING, lexer.RAW_STRING):
            raise self._unexpected(token, context)
        name = self._literal(token).value
        if context == "define clause":
            self._expect_right(context)
        return str(name)

    def _define(self, context: str, name: str) -> None:
        """Read a body up to its end; it knows no variables and no loop from outside."""
        kept = self.variables, self.ranges
        self.variables, self.ranges = ["$"], 0
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise self._error("actions nested too deeply")
        body, ending = self._until_mark()
        self.depth -= 1
        self.variables, self.ranges = kept
        if ending.word != "end":
            raise self._error(f"unexpected {ending} in {context}")
        self._add(name, body)

    def _add(self, name: str, body: Sequence) -> None:
        """One that is empty gives way to another; two that are not may not have one name."""
        known = self.definitions.get(name)
        if known is None or _is_empty(known):
            self.definitions[name] = body
        elif not _is_empty(body):
            raise self._error(f"template: multiple definition of template {quote(name)}")

    def _block(self) -> Inclusion:
        place = self._peek_solid().position
        name = self._template_name("block clause")
        pipe = self._pipeline("block clause", lexer.RIGHT)
        self._define("block clause", name)
        return Inclusion(place, name, pipe)

    def _inclusion(self) -> Inclusion:
        place = self._peek_solid().position
        name = self._template_name("template clause")
        if self._peek_solid().kind == lexer.RIGHT:
            self.at += 1
            return Inclusion(place, name, None)
        return Inclusion(place, name, self._pipeline("template clause", lexer.RIGHT))

    def _text_or_action(self) -> Node:
        token = self._next_solid()
        if token.kind == lexer.TEXT:
            return Text(token.position, token.text)
        if token.kind != lexer.LEFT:
            raise self._unexpected(token, "input")
        self.action_line = token.line
        node = self._action()
        self.action_line = 0
        return node

    def _action(self) -> Node:
        token = self._next_solid()
        if token.kind == lexer.KEYWORD:
            match token.text:
                case "if" | "with" | "range":
                    return self._nested(token.text)
                case "else":
                    return self._else()
                case "end":
                    return Mark(self._expect_right("end").position, "end")
                case "block":
                    return self._block()
                case "template":
                    return self._inclusion()
                case "break" | "continue":
                    return self._loop_mark(token)
        self.at -= 1
        return Action(token.position, self._pipeline("command", lexer.RIGHT))

    def _expect_right(self, context: str) -> Token:
        token = self._next_solid()
        if token.kind != lexer.RIGHT:
            raise self._unexpected(token, context)
        return token

    def _else(self) -> Mark:
        token = self._peek_solid()
        if token.kind == lexer.KEYWORD and token.text in ("if", "with"):
            return Mark(token.position, "else")  # what follows "else" stays for the branch to read
        return Mark(self._expect_right("else").position, "else")

    def _loop_mark(self, token: Token) -> Mark:
        self._expect_right(f"{{{{{token.text}}}}}")
        if not self.ranges:
            raise self._error(f"{{{{{token.text}}}}} outside {{{{range}}}}")
        return Mark(token.position, token.text)

    def _nested(self, word: str) -> Branch:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise self._error("actions nested too deeply")
        kept = len(self.variables)
        try:
            return self._branch(word)
        finally:
            del self.variables[kept:]
            self.depth -= 1

    def _branch(self, word: str) -> Branch:
        pipe = self._pipeline(word, lexer.RIGHT)
        self.ranges += word == "range"
        body, ending = self._until_mark()
        self.ranges -= word == "range"
        otherwise: Sequence | None = None
        if ending.word == "else":
            following = self._peek()
            if word != "range" and following.kind == lexer.KEYWORD and following.text == word:
                self.at += 1
                otherwise = Sequence(ending.position)
                otherwise.nodes.append(self._nested(word))  # it reads the one "end" of the whole chain
            else:
                otherwise, ending = self._until_mark()
                if ending.word != "end":
                    raise self._error(f"expected end; found {ending}")
        return Branch(pipe.position, word, pipe, body, otherwise)

    def _until_mark(self) -> tuple[Sequence, Mark]:
        found = Sequence(self._peek_solid().position)
        while self._peek_solid().kind != lexer.EOF:
            node = self._text_or_action()
            if isinstance(node, Mark) and node.word in ("end", "else"):
                return found, node
            found.nodes.append(node)
        self.at += 1
        raise self._error("unexpected EOF")

    # Expressions.

    def _pipeline(self, context: str, end: str) -> Pipe:
        pipe = Pipe(self._peek_solid().position)
        self._declarations(pipe, context)
        while True:
            token = self._next_solid()
            if token.kind == end:
                self._check_pipeline(pipe, context)
                return pipe
            if token.kind not in _OPERANDS:
                raise self._unexpected(token, context)
            self.at -= 1
            pipe.commands.append(self._command())

    def _declarations(self, pipe: Pipe, context: str) -> None:
        while (variable := self._peek_solid()).kind == lexer.VARIABLE:
            begin = self.at
            self.at += 1
            following = self._peek_solid()
            if following.kind not in (lexer.ASSIGN, lexer.DECLARE) and following.text != ",":
                self.at = begin
                return
            self.at += 1
            pipe.declared.append(Variable(variable.position, [variable.text]))
            self.variables.append(variable.text)
            if following.text != ",":
                pipe.assigns = following.kind == lexer.ASSIGN
                return
            if context != "range" or len(pipe.declared) > 1:
                raise self._error(f"too many declarations in {context}")
            if self._peek_solid().kind not in _NAMES_AFTER_COMMA:
                raise self._error("range can only initialize variables")

    def _check_pipeline(self, pipe: Pipe, context: str) -> None:
        if not pipe.commands:
            raise self._error(f"missing value for {context}")
        for stage, command in enumerate(pipe.commands[1:], 2):
            if isinstance(command.words[0], (Literal, Dot, Nil)):
                raise self._error(f"non executable command in pipeline stage {stage}")

    def _command(self) -> Command:
        command = Command(self._peek_solid().position)
        while True:
            self._peek_solid()
            operand = self._operand()
            if operand is not None:
                command.words.append(operand)
            token = self._next()
            if token.kind == lexer.SPACE:
                continue
            if token.kind in (lexer.RIGHT, lexer.CLOSE):
                self.at -= 1
            elif token.kind != lexer.PIPE:
                raise self._unexpected(token, "operand")
            break
        if not command.words:
            raise self._error("empty command")
        return command

    def _operand(self) -> Node | None:
        node = self._term()
        if node is None or self._peek().kind != lexer.FIELD:
            return node
        position = self._peek().position
        names: list[str] = []
        while self._peek().kind == lexer.FIELD:
            names.append(self._next().text[1:])
        match node:
            case Field():
                return Field(position, node.names + names)
            case Variable():
                return Variable(position, node.names + names)
            case Literal() | Dot() | Nil():
                raise self._error(f"unexpected . after term {quote(str(node))}")
        return Chain(position, node, names)

    def _term(self) -> Node | None:
        token = self._next_solid()
        match token.kind:
            case lexer.IDENTIFIER:
                if token.text not in self.functions:
                    raise self._error(f"function {quote(token.text)} not defined")
                return Identifier(token.position, token.text)
            case lexer.DOT:
                return Dot(token.position)
            case lexer.NIL:
                return Nil(token.position)
            case lexer.VARIABLE:
                if token.text not in self.variables:
                    raise self._error(f"undefined variable {quote(token.text)}")
                return Variable(token.position, [token.text])
            case lexer.FIELD:
                return Field(token.position, [token.text[1:]])
            case lexer.BOOL:
                return Literal(token.position, token.text, token.text == "true")
            case lexer.CHAR | lexer.NUMBER | lexer.STRING | lexer.RAW_STRING:
                return self._literal(token)
            case lexer.OPEN:
                return self._parenthesis()
        self.at -= 1
        return None

    def _literal(self, token: Token) -> Literal:
        value: str | int | float
        try:
            if token.kind == lexer.CHAR:
                value = literals.character(token.text)
            elif token.kind == lexer.NUMBER:
                value = literals.number(token.text)
            else:
                value = literals.unquote(token.text)
        except ValueError as exc:
            raise self._error(str(exc))
        return Literal(token.position, token.text, value)

    def _parenthesis(self) -> Pipe:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise self._error("parentheses nested too deeply")
        pipe = self._pipeline("parenthesized pipeline", lexer.CLOSE)
        self.depth -= 1
        return pipe


def _is_empty(body: Sequence) -> bool:
    return all(isinstance(node, Text) and not node.text.strip() for node in body.nodes)


def _shown(token: Token) -> str:
    if token.kind == lexer.EOF:
        return "EOF"
    if token.kind in (lexer.KEYWORD, lexer.NIL, lexer.DOT):
        return f"<{token.text}>"
    return f"{quote(token.text[:10])}..." if len(token.text) > 10 else quote(token.text)
