"""The objects of the classic builder's progress, exactly as Docker's clients read them."""

from typing import Any

from scow.build.graph.executor import RunFailedError
from scow.build.graph.progress import STDERR
from scow.spec.digest import short

Message = dict[str, Any]


def stream(text: str) -> Message:
    """A piece of text for the person who builds."""
    return {"stream": text}


def step(number: int, total: int, text: str) -> list[Message]:
    """The headline of an instruction, in two pieces as Docker's."""
    return [stream(f"Step {number}/{total} : {text}"), stream("\n")]


def image(image_id: str) -> Message:
    """What an instruction came to."""
    return stream(f" ---> {short(image_id)}\n")


def using_cache() -> Message:
    return stream(" ---> Using cache\n")


def running_in(container_id: str) -> Message:
    return stream(f" ---> Running in {short(container_id)}\n")


def removed(container_id: str) -> Message:
    return stream(f"Removing intermediate container {short(container_id)}\n")


def output(number: int, text: str) -> Message:
    """What a program printed; errors in red, as docker-py's tests want them."""
    return stream(f"\x1b[91m{text}\x1b[0m" if number == STDERR else text)


def image_id(full_id: str) -> Message:
    """The id, for programs."""
    return {"aux": {"ID": full_id}}


def run_failed(exc: RunFailedError) -> Message:
    """The last object of a build that a program ended."""
    message = f"The command '{' '.join(exc.argv)}' returned a non-zero code: {exc.code}"
    return {"errorDetail": {"code": exc.code, "message": message}, "error": message}
