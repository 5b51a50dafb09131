"""Folders that a build's client sends, as trees."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from scow.build.frontend.told import Internal
from scow.build.trees.ignored import IgnoringTree
from scow.build.trees.kept_archives import KeptArchives
from scow.build.trees.kept_folders import KeptFolder
from scow.build.trees.received import Received
from scow.build.trees.tree import Tree
from scow.errors import ScowError
from scow.image.threads import run_to_open
from scow.spec.frontend_build import BuildClient
from scow.spec.ignore_rules import ignore_rules
from scow.spec.sent_files import FileChoice


class ClientFolders:
    """Of one build. ``folder`` is where contents lie while it goes on; ``stack`` closes what was opened.

    ``at_hand`` are folders of the client that need not be sent, by the names that it has for them.
    """

    def __init__(
        self,
        client: BuildClient,
        archives: KeptArchives,
        folder: Path,
        stack: AsyncExitStack,
        at_hand: Mapping[str, Tree],
    ) -> None:
        self._client = client
        self._archives = archives
        self._folder = folder
        self._stack = stack
        self._at_hand = at_hand

    async def pull(self, folder: str, choice: FileChoice, told: Internal, what: str) -> Tree:
        """Files of a folder that the client calls so; ``what`` they are is for people. Raises ScowError."""
        if (at_hand := self._at_hand.get(folder)) is not None:
            rules = ignore_rules(choice.exclude)
            return IgnoringTree(at_hand, rules) if rules else at_hand
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = await self._kept_folder(folder, choice)
        try:
            received = Received(
                str(self._folder), lambda current: told.transferred(f"transferring {what}:", current), kept
            )
            tree = await received.take(self._client.files(folder, choice, received.knows))
        except OSError as exc:
            raise ScowError(f"build context cannot be stored: {exc.strerror or exc}") from exc
        finally:
            if kept is not None:
                kept.close()
        self._stack.callback(tree.close)
        told.transferred(f"transferring {what}:", received.bytes, complete=True)
        return tree

    async def _kept_folder(self, folder: str, choice: FileChoice) -> KeptFolder | None:
        """Single files, and those of a client that does not say whose they are, are not kept."""
        if choice.include or not self._client.shared_key:
            return None
        key = self._client.shared_key
        return await run_to_open(KeptFolder.close, KeptFolder, self._archives, key, folder)
