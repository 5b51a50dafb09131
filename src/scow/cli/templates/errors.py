"""Failures of templates, with the words of Go's text/template."""

from scow.errors import InvalidArgumentError


class TemplateError(InvalidArgumentError):
    """A template that failed on its data: ``template: :1:8: executing "" at <.X>: …``."""


class TemplateSyntaxError(TemplateError):
    """A template that is none: ``template: :1: unclosed action``. Some commands exit with 64 for it."""


class CallError(Exception):
    """A function's own error; whoever called the function says where."""
