"""From method and path to a handler.

A template is fixed (``/containers/json``) or has one ``{name}`` that takes everything between what stands
before and after it, slashes included: image names have them. A template that ends in a second one has
both in the name.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from scow.api.http.answer import Answer
from scow.api.server.call import Call
from scow.spec.api_version import MIN_API_VERSION, ApiVersion

Handler = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint.

    ``must_finish``: the work is completed even when the client goes away meanwhile. ``since``: the first
    version that has it.
    """

    method: str
    template: str
    handler: Handler
    must_finish: bool = False
    since: ApiVersion = MIN_API_VERSION


class Router:
    """All routes of an application; the first that fits is taken."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._fixed: dict[tuple[str, str], Route] = {}
        self._open: dict[tuple[str, str], list[tuple[str, str, str, Route]]] = {}
        for route in routes:
            prefix, brace, rest = route.template.partition("{")
            if not brace:
                self._fixed.setdefault((route.method, route.template), route)
            else:
                suffix, more, _ = rest.partition("}")[2].partition("{")
                inner, suffix = (suffix, "") if more else ("", suffix)
                key = (route.method, _first_segment(prefix))
                self._open.setdefault(key, []).append((prefix, inner, suffix, route))

    def find(self, method: str, path: str) -> tuple[Route, str] | None:
        """The route of ``path`` and what its name stands for, or None."""
        if route := self._fixed.get((method, path)):
            return route, ""
        for prefix, inner, suffix, route in self._open.get((method, _first_segment(path)), ()):
            if path.startswith(prefix) and path.endswith(suffix):
                name = path[len(prefix) : len(path) - len(suffix)]
                if inner not in name:
                    continue
                # Shorter than both together: the two overlap, as in /exec/json.
                if name and len(path) > len(prefix) + len(suffix):
                    return route, name
        return None


def _first_segment(path: str) -> str:
    return path[1:].partition("/")[0]
