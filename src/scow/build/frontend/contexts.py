"""Where a build's files come from: its client, an archive at an address, a repository."""

from typing import Protocol

from scow.build.evaluate.git_address import is_git_address
from scow.build.frontend.options import CONTEXT_FOLDER
from scow.build.frontend.workbench import Workbench
from scow.build.remote_context import context_of, remote_context
from scow.build.request import find_dockerfile, read_text_file
from scow.build.trees.ignored import IgnoringTree
from scow.build.trees.part import PartTree
from scow.build.trees.tree import Tree
from scow.errors import ScowError, UnsupportedError
from scow.spec.ignore_rules import IgnoreRules, parse_ignore_file
from scow.spec.redaction import redacted
from scow.spec.sent_files import FileChoice
from scow.tasks import run_blocking

_DOCKERFILE_FOLDER = "dockerfile"
_IGNORE_FILE = ".dockerignore"
_IMAGES = ("docker-image://", "oci-layout://", "input:")
_OWN_ADDRESS = "http://buildkit-session/"
_LOCAL = "local:"
_KEEP_GIT_DIR = "BUILDKIT_CONTEXT_KEEP_GIT_DIR"


class InputTrees(Protocol):
    """Results of graphs that a build's client gave it, by name."""

    def __contains__(self, name: str) -> bool: ...

    async def tree(self, name: str) -> Tree:
        """Its files. Raises ScowError."""


class Contexts:
    """Of one build."""

    def __init__(self, bench: Workbench, inputs: InputTrees | None = None) -> None:
        self._bench = bench
        self._options = bench.options
        self._folders = bench.folders
        self._telling = bench.telling
        self._inputs = inputs
        self._remote: Tree | None = None
        self._own_ignore: str | None = None
        self._ignored: IgnoreRules | None = None
        self._filename = bench.options.filename

    async def dockerfile(self) -> str:
        """Its text. Raises ScowError."""
        if self._options.context:
            self._remote = await self._elsewhere(self._options.context)
            if not self._options.dockerfile_folder:
                return await run_blocking(find_dockerfile, self._remote, self._filename)
        elif self._inputs is not None and CONTEXT_FOLDER in self._inputs:
            self._remote = self._part(await self._inputs.tree(CONTEXT_FOLDER))
            if _DOCKERFILE_FOLDER in self._inputs and not self._options.dockerfile_folder:
                tree = await self._inputs.tree(_DOCKERFILE_FOLDER)
                return await run_blocking(find_dockerfile, tree, self._filename)
        name = self._filename
        with self._telling.internal(f"[internal] load build definition from {name}") as told:
            self._telling.definition = told.digest
            own_ignore = f"{name}{_IGNORE_FILE}"
            wanted = FileChoice(include=(name, own_ignore, name.lower()))
            folder = self._options.dockerfile_folder or _DOCKERFILE_FOLDER
            tree = await self._folders.pull(folder, wanted, told, "dockerfile")
            self._own_ignore = await run_blocking(read_text_file, tree, own_ignore)
        try:
            return await run_blocking(find_dockerfile, tree, name)
        except ScowError as exc:
            raise ScowError(f"failed to read dockerfile: open {name}: no such file or directory") from exc

    async def main(self, paths: tuple[str, ...]) -> Tree:
        """The context, as far as ``paths`` of it are wanted; none is all of it. Raises ScowError."""
        rules = await self.ignore_rules()
        if self._remote is not None:
            return IgnoringTree(self._remote, rules) if rules else self._remote
        with self._telling.internal("[internal] load build context") as told:
            wanted = FileChoice(exclude=rules.patterns, follow=paths)
            return await self._folders.pull(self._options.context_folder, wanted, told, "context")

    def named_meanings(self) -> dict[str, str]:
        """What each named context stands for, its files not being asked for."""
        named = self._options.named_contexts.items()
        return {
            key: value if value.startswith(_IMAGES) else f"context {key}"
            for key, value in ((name.lower(), value) for name, value in named)
        }

    async def named(self) -> tuple[dict[str, str], dict[str, Tree]]:
        """Named contexts: what each stands for, and the trees among them. Raises ScowError."""
        trees = {
            f"context {name.lower()}": await self._named_tree(name, value)
            for name, value in self._options.named_contexts.items()
            if not value.startswith(_IMAGES)
        }
        return self.named_meanings(), trees

    async def _named_tree(self, name: str, value: str) -> Tree:
        if value.startswith(_LOCAL):
            with self._telling.internal(f"[context {name}] load from client") as told:
                return await self._folders.pull(value.removeprefix(_LOCAL), FileChoice(), told, name)
        if value.startswith(("http://", "https://")) or is_git_address(value, context=True):
            return await self._elsewhere(value)
        raise UnsupportedError(f"unsupported context source {value.partition(':')[0]} for {name}")

    async def ignore_rules(self) -> IgnoreRules:
        """What is left out of the context; read once. Raises ScowError."""
        if self._ignored is None:
            text = await self._ignore_text()
            self._ignored = parse_ignore_file(text) if text else IgnoreRules()
        return self._ignored

    async def _ignore_text(self) -> str | None:
        if self._own_ignore is not None:
            return self._own_ignore
        if self._remote is not None:
            return await run_blocking(read_text_file, self._remote, _IGNORE_FILE)
        with self._telling.internal(f"[internal] load {_IGNORE_FILE}") as told:
            wanted = FileChoice(include=(_IGNORE_FILE,))
            tree = await self._folders.pull(self._options.context_folder, wanted, told, "context")
            return await run_blocking(read_text_file, tree, _IGNORE_FILE)

    async def _elsewhere(self, address: str) -> Tree:
        client, workshop, stack = self._bench.client, self._bench.workshop, self._bench.stack
        with self._telling.internal(f"[internal] load remote build context {redacted(address)}"):
            folder = str(workshop.folder)
            if address.startswith(_OWN_ADDRESS):
                workshop.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                tree, alone = await context_of(client.upload(address), folder, stack)
            else:
                tree, alone = await remote_context(
                    address,
                    workshop.downloads,
                    folder,
                    client,
                    stack,
                    keep_git_dir=self._options.build_arguments.get(_KEEP_GIT_DIR) in ("1", "true"),
                )
        if alone:
            self._filename = "Dockerfile"
        return self._part(tree)

    def _part(self, tree: Tree) -> Tree:
        part = self._options.subdirectory
        return PartTree(tree, part) if part else tree
