"""What a build is called: by its folder, its address, its Dockerfile and its target, as buildx calls it."""

import posixpath

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from scow.cli.building.local_state import LocalState

_DEFAULT = "Dockerfile"
_ADDRESSES = ("http://", "https://", "git://", "ssh://", "git@", "github.com/")
_STDIN = "-"


def build_name(attributes: "Mapping[str, str]", state: "LocalState | None") -> str:
    """``state`` is what this machine knows of it, if anything."""
    if given := attributes.get("build-arg:BUILDKIT_BUILD_NAME"):
        return given
    name = _remote_name(attributes) or _path_name(*_paths(attributes, state))
    if target := attributes.get("target"):
        return f"{name} ({target})" if name else target
    return name or attributes.get("vcs:source", "")


def _remote_name(attributes: "Mapping[str, str]") -> str:
    """The context, if the engine knows what that is."""
    context = attributes.get("context", "")
    if not context:
        folder = attributes.get("vcs:localdir:context", ".")
        context = "" if folder == "." else folder
    return context


def _paths(attributes: "Mapping[str, str]", state: "LocalState | None") -> tuple[str, str]:
    """Of the context and of the Dockerfile, "" for what is the usual one or not known."""
    dockerfile = attributes.get("filename", _DEFAULT)
    dockerfile = "" if dockerfile == _DEFAULT else dockerfile
    folder = attributes.get("vcs:localdir:dockerfile", ".")
    if folder != ".":
        dockerfile = posixpath.join(folder, dockerfile).rstrip("/")
    context = ""
    if state is not None and not state.context.startswith(_ADDRESSES):
        context = "" if state.context == _STDIN else state.context
        if state.dockerfile not in ("", _STDIN, _DEFAULT):
            dockerfile = state.dockerfile
    return context, dockerfile


def _path_name(context: str, dockerfile: str) -> str:
    """The last part of the context's path, with the way to the Dockerfile where that is not the usual one."""
    usual = not dockerfile or dockerfile.endswith(f"/{_DEFAULT}")
    dockerfile = dockerfile.removesuffix(f"/{_DEFAULT}")
    if dockerfile.startswith(context) and len(dockerfile) > len(context):
        return dockerfile[context.rfind("/") + 1 :]
    path = dockerfile or context
    if not path:
        return ""
    before, slash, last = path.rpartition("/")
    if usual:
        return last
    return posixpath.join(posixpath.basename(before) if slash else path, last)
