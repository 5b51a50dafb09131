"""``scow cp``."""

import os

from scow.api.client.client import object_path
from scow.cli.command import Command, exactly
from scow.cli.exits import CommandError
from scow.cli.flags import BOOL, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scow.cli.copying.container_path import PathStat
    from scow.cli.copying.paths import CopyEnd
    from scow.cli.flags import Flags
    from scow.cli.invocation import Invocation


def run(invocation: "Invocation", flags: "Flags") -> None:
    """Copies into a container or out of it, running or not."""
    from scow.cli.copying.paths import split_argument

    source, destination = flags.arguments
    if not source:
        raise CommandError("source can not be empty")
    if not destination:
        raise CommandError("destination can not be empty")
    from_container, from_path = split_argument(source)
    to_container, to_path = split_argument(destination)
    if from_container and to_container:
        raise CommandError("copying between containers is not supported")
    if from_container:
        _copy_out(invocation, flags, from_container, from_path, to_path)
    elif to_container:
        _copy_in(invocation, flags, from_path, to_container, to_path)
    else:
        raise CommandError("must specify at least one container source")


def _is_quiet(invocation: "Invocation", flags: "Flags") -> bool:
    return bool(flags["quiet"]) if "quiet" in flags.changed else not invocation.out.is_terminal()


def _copy_out(invocation: "Invocation", flags: "Flags", container: str, path: str, destination: str) -> None:
    from scow.cli.copying import paths, unpacking
    from scow.cli.copying.container_path import parse_stat, stat_path
    from scow.cli.copying.progress import CopyProgress

    if destination != "-":
        destination = paths.absolute(destination)
    paths.check_local_destination(destination)
    name = ""
    if flags["follow-link"]:
        found = stat_path(invocation.client, container, path)
        if found and found.is_link:
            path, name = paths.rebased(path, paths.link_target(path, found.link_target))
    archive = object_path("container", container, "archive")
    with invocation.client.request("GET", archive, [("path", path)]) as response:
        if destination == "-":
            for block in response.blocks:
                invocation.out.write_bytes(block)
            return
        is_dir = parse_stat(response.head.headers).is_dir
        source = paths.CopyEnd(path, exists=True, is_dir=is_dir, rebase_name=name)
        quiet = _is_quiet(invocation, flags)
        with CopyProgress(invocation.err, "Copying from container - ", quiet=quiet) as progress:
            directory, new_name = paths.place(source, paths.local_destination(destination))
            old_name = paths.split_entry(path)[1]
            unpacking.unpack(progress.counted(response.blocks), directory, old_name, new_name)
    progress.report(destination)


def _copy_in(invocation: "Invocation", flags: "Flags", source: str, container: str, path: str) -> None:
    from scow.cli.copying import packing, paths
    from scow.cli.copying.progress import CopyProgress

    source = source if source == "-" else paths.absolute(source)
    destination = _container_destination(invocation, container, path)
    query = [("noOverwriteDirNonDir", "true")]
    if flags["archive"]:
        query.append(("copyUIDGID", "true"))
    target = object_path("container", container, "archive")
    if source == "-":
        if not destination.is_dir:
            raise CommandError(f'destination "{container}:{path}" must be a directory')
        query.append(("path", destination.path))
        with (
            open(0, "rb", buffering=0, closefd=False) as archive,
            invocation.client.upload(target, query, archive, {}, method="PUT") as response,
        ):
            response.read()
        return
    local = paths.local_source(source, follow=flags["follow-link"])
    directory, name = paths.place(local, destination)
    query.append(("path", directory))
    quiet = _is_quiet(invocation, flags)
    with CopyProgress(invocation.err, "Copying to container - ", quiet=quiet) as progress:
        blocks = progress.counted(packing.pack(_tree(local), name))
        with invocation.client.upload_blocks("PUT", target, query, blocks) as response:
            response.read()
    progress.report(f"{container}:{destination.path}")


def _tree(local: "CopyEnd") -> str:
    from scow.cli.copying.paths import split_entry

    return os.path.join(*split_entry(local.path))


def _container_destination(invocation: "Invocation", container: str, path: str) -> "CopyEnd":
    """What is in the container at ``path``, through one link; not there is no error yet."""
    from scow.cli.copying.container_path import stat_path
    from scow.cli.copying.paths import CopyEnd, link_target

    destination = CopyEnd(path)
    found: PathStat | None = stat_path(invocation.client, container, path)
    if found and found.is_link:
        destination.path = link_target(path, found.link_target)
        found = stat_path(invocation.client, container, destination.path)
    if found is None:
        return destination
    if found.is_device:
        raise CommandError(
            f'destination "{container}:{path}" must be a directory or a regular file: got a device'
        )
    destination.exists, destination.is_dir = True, found.is_dir
    return destination


COMMAND = Command(
    run,
    "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n\tdocker cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
    "Copy files/folders between a container and the local filesystem",
    long=(
        "Copy files/folders between a container and the local filesystem\n\n"
        "Use '-' as the source to read a tar archive from stdin\n"
        "and extract it to a directory destination in a container.\n"
        "Use '-' as the destination to stream a tar archive of a\n"
        "container source to stdout."
    ),
    flags=(
        Flag("follow-link", BOOL, "Always follow symbol link in SRC_PATH", short="L"),
        Flag("archive", BOOL, "Archive mode (copy all uid/gid information)", short="a"),
        Flag(
            "quiet",
            BOOL,
            "Suppress progress output during copy. Progress output is automatically suppressed if no "
            "terminal is attached",
            short="q",
        ),
    ),
    arguments=exactly(2),
    spellings=("container cp", "cp"),
)
