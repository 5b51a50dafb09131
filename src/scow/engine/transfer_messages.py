"""Progress of a pull or push as the API tells it: one JSON object a step, as Docker's jsonmessage. Pure."""

from typing import Any

from scow.image.remote.progress import Progress, Pulled, Pushed
from scow.spec.sizes import human_size

_BAR = 50


def message_of(step: Progress | Pulled | Pushed) -> dict[str, Any]:
    """One object of Docker's progress stream; ``progress`` is the bar for clients that draw none."""
    if isinstance(step, Pushed):
        return {"progressDetail": {}, "aux": {"Tag": step.tag, "Digest": step.digest, "Size": step.size}}
    if isinstance(step, Pulled):
        return {"status": step.status}
    message: dict[str, Any] = {"status": step.status}
    if step.id:
        message["id"] = step.id
    if step.current is not None and step.total is not None:
        message["progressDetail"] = {"current": step.current, "total": step.total}
        message["progress"] = _bar(step.current, step.total)
    elif step.id and not step.status.startswith("Pulling from"):
        message["progressDetail"] = {}
    return message


def _bar(current: int, total: int) -> str:
    filled = min(_BAR, current * _BAR // total) if total else _BAR
    drawn = "=" * filled + ">" if filled < _BAR else "=" * (_BAR - 1) + ">"
    return f"[{drawn:<{_BAR}}]  {human_size(current):>8}/{human_size(total)}"
