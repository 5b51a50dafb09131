"""How the program of a front end's image is run. See frontend/gateway/gateway.go of BuildKit."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from scow.build.graph.settings import USUAL_HOSTNAME
from scow.runtime.program_run import Bound, Limits, RunRequest
from scow.spec.driven_build import FrontEndFailedError
from scow.spec.go_bool import TRUE
from scow.spec.oci_image import ImageConfig

_USUAL_PROGRAM = ("/run",)
_METADATA = "/run/config/buildkit/metadata"
_NO_NETWORK = "moby.buildkit.frontend.network.none"
_CAPABILITIES = "moby.buildkit.frontend.caps"
_TAKES_INPUTS = "moby.buildkit.frontend.inputs"
_MISSING = "github.com/moby/buildkit/errdefs.FrontendCap+json"
"""By which clients know what is missing, and word it themselves."""
_UNIMPLEMENTED = 12
"""gRPC's code."""


def front_end_program(
    key: str,
    root: Path,
    metadata: Path,
    config: ImageConfig,
    options: Mapping[str, str],
    environment: Iterable[str],
) -> RunRequest:
    """``root`` is the image's file system, mounted, ``metadata`` a folder that says where it is from.

    It is root whatever its image says, its arguments are those of the entry point alone, and it may use the
    network unless a label of its image forbids that.
    """
    said = config.config
    labels = said.labels or {}
    given = tuple(f"BUILDKIT_FRONTEND_OPT_{at}={name}={it}" for at, (name, it) in enumerate(options.items()))
    return RunRequest(
        key=key,
        root=root,
        args=tuple(said.entrypoint or _USUAL_PROGRAM),
        env=(*(said.env or ()), *given, *environment),
        cwd=said.working_dir or "/",
        user="",
        network="none" if labels.get(_NO_NETWORK) in TRUE else "default",
        insecure=False,
        mounts=(Bound(metadata, _METADATA, read_only=True),),
        hosts=(),
        limits=Limits(),
        hostname=USUAL_HOSTNAME,
        takes_input=True,
    )


def check_abilities(config: ImageConfig, options: Mapping[str, str], *, has_inputs: bool) -> None:
    """Raises FrontEndFailedError for something that the build needs and the image does not say it can do."""
    labels = config.config.labels or {}
    able = _names(labels.get(_CAPABILITIES, ""))
    needed = _names(options.get("frontend.caps", ""))
    if has_inputs:
        needed[_TAKES_INPUTS] = None
    for name in needed:
        if name not in able:
            detail = (_MISSING, msgspec.json.encode({"name": name}))
            message = f"unsupported frontend capability {name}"
            raise FrontEndFailedError(message, _UNIMPLEMENTED, (detail,), None)


def _names(text: str) -> dict[str, None]:
    """Between commas, each perhaps with a condition behind a plus."""
    return {name: None for part in text.split(",") if (name := part.partition("+")[0])}
