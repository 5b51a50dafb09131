"""An instruction in the history of a classic image: the command of the container that would have made it."""

from scow.build.evaluate.stage_state import Made, StageState
from scow.build.graph.ops import CopyOp, MakeFolderOp, RunOp


def created_by(made: Made, state: StageState, shown: str, target: str) -> str:
    """``shown`` is what a COPY copied, ``target`` where to, as it was written."""
    shell = " ".join(state.shell)
    op = made.vertex.op if made.vertex is not None else None
    if isinstance(op, RunOp):
        return made.text.removeprefix("RUN ")
    if isinstance(op, CopyOp):
        word = made.text.split(None, 1)[0]
        owner = f"--chown={op.chown}" if op.chown else ""
        return f"{shell} #(nop) {word} {owner}{shown} in {target} "
    if isinstance(op, MakeFolderOp):
        return f"{shell} #(nop) {made.text}"
    # Docker joins its comment, which begins with a blank, to what ends with one.
    return f"{shell} #(nop)  {made.text}"
