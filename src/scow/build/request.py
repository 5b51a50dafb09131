"""What a build asks for, made ready: Dockerfile and context found, limits and names checked."""

import posixpath
from collections.abc import Iterable

from scow.build.trees.ignored import IgnoringTree
from scow.build.trees.tree import Tree, follow
from scow.errors import InvalidArgumentError, ScowError
from scow.image.names import check_taggable
from scow.runtime.program_run import Limits
from scow.spec.engine_api.build import BuildRequest
from scow.spec.ignore_rules import IgnoreRules, ignore_rules, parse_ignore_file
from scow.spec.reference import Reference, parse_reference

_MAX_DOCKERFILE_BYTES = 32 << 20
_IGNORE_FILE = ".dockerignore"


def read_text_file(tree: Tree, path: str) -> str | None:
    """A file of a context; ``None`` if there is none. Blocks. Raises InvalidArgumentError."""
    node = follow(tree, path)
    if node is None or not node.is_file:
        return None
    if node.size > _MAX_DOCKERFILE_BYTES:
        raise InvalidArgumentError(f"{path} is larger than {_MAX_DOCKERFILE_BYTES} bytes")
    content = tree.open(node)
    try:
        data = b""
        while piece := content.read(1 << 20):
            data += piece
    finally:
        content.close()
    return data.decode("utf-8", "surrogateescape")


def find_dockerfile(tree: Tree, name: str) -> str:
    """Its text. Docker takes ``dockerfile`` where there is no ``Dockerfile``. Blocks. Raises ScowError."""
    text = read_text_file(tree, name)
    if text is None and name == "Dockerfile":
        text = read_text_file(tree, "dockerfile")
    if text is None:
        raise ScowError(f"Cannot locate specified Dockerfile: {name}")
    return text


def visible(tree: Tree, dockerfile: str) -> Tree:
    """The context without what is ignored: by ``<dockerfile>.dockerignore``, or else ``.dockerignore``.

    Blocks. Raises InvalidArgumentError.
    """
    rules = ignore_rules_of(tree, dockerfile)
    return IgnoringTree(tree, rules) if rules else tree


def as_sent(tree: Tree, dockerfile: str) -> Tree:
    """The context as the classic builder sees it: its client has left out what is ignored.

    All but the two files that had to be sent; they go if they are ignored. Blocks.
    Raises InvalidArgumentError.
    """
    rules = ignore_rules_of(tree, dockerfile)
    hidden = [name for name in (dockerfile, _IGNORE_FILE) if rules.ignores(posixpath.normpath(name))]
    return IgnoringTree(tree, ignore_rules(hidden)) if hidden else tree


def ignore_rules_of(tree: Tree, dockerfile: str) -> IgnoreRules:
    """What ``<dockerfile>.dockerignore``, or else ``.dockerignore``, says. Blocks."""
    own = read_text_file(tree, f"{dockerfile}.dockerignore")
    text = own if own is not None else read_text_file(tree, _IGNORE_FILE)
    return parse_ignore_file(text) if text is not None else IgnoreRules()


def parse_tags(names: Iterable[str]) -> list[Reference]:
    """Each once. Raises InvalidArgumentError."""
    found: dict[Reference, None] = {}
    for name in filter(None, names):
        reference = parse_reference(name)
        check_taggable(reference)
        found[reference] = None
    return list(found)


def limits_of(request: BuildRequest) -> Limits:
    """What its programs may use."""
    return Limits(
        memory_bytes=request.memory_bytes,
        memory_swap_bytes=request.memory_swap_bytes,
        cpu_shares=request.cpu_shares,
        cpu_period_us=request.cpu_period_us,
        cpu_quota_us=request.cpu_quota_us,
        cpuset_cpus=request.cpuset_cpus,
        cpuset_mems=request.cpuset_mems,
        shm_bytes=request.shm_bytes,
        cgroup_parent=request.cgroup_parent,
        ulimits=tuple((it.name, it.soft, it.hard) for it in request.ulimits),
    )
