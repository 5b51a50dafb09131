"""What this engine honours of LLB, by BuildKit's names (solver/pb/caps.go).

Clients ask for the list, and a definition says what it makes use of.
"""

from collections.abc import Iterable

from scow.errors import UnsupportedError

CAPABILITIES = (
    *("source.image", "source.image.resolvemode"),
    *("source.local", "source.local.unique", "source.local.sessionid", "source.local.includepatterns"),
    *("source.local.followpaths", "source.local.excludepatterns", "source.local.sharedkeyhint"),
    "source.local.differ",
    *("source.git", "source.git.keepgitdir", "source.git.fullurl", "source.git.httpauth"),
    *("source.git.knownsshhosts", "source.git.mountsshsock", "source.git.subdir"),
    # The third is spelt so.
    *("source.http", "source.http.checksum", "source.http.perm", "soruce.http.uidgid"),
    "source.ocilayout",
    *("exec.meta.base", "exec.meta.cgroup.parent", "exec.meta.network", "exec.meta.proxyenv"),
    *("exec.meta.security", "exec.meta.setsdefaultpath", "exec.meta.ulimit", "exec.secretenv"),
    "exec.validexitcode",
    *("exec.mount.bind", "exec.mount.bind.readwrite-nooutput", "exec.mount.cache"),
    *("exec.mount.cache.sharing", "exec.mount.selector", "exec.mount.tmpfs", "exec.mount.tmpfs.size"),
    *("exec.mount.secret", "exec.mount.ssh", "exec.mount.cache.content"),
    *("file.base", "file.rm.wildcard", "file.rm.nofollowsymlink", "file.copy.includeexcludepatterns"),
    *("file.copy.alwaysreplaceexistingdestpaths", "file.copy.modestring", "file.symlink.create"),
    *("mergeop", "diffop", "platform", "constraints"),
    *("meta.ignorecache", "meta.description", "meta.exportcache"),
    *("exporter.image.attestations", "exporter.image.annotations", "exporter.sourcedateepoch"),
)


def check_capabilities(wanted: Iterable[str]) -> None:
    """Raises UnsupportedError for one that is not on the list."""
    for name in sorted(wanted):
        if name not in CAPABILITIES:
            raise UnsupportedError(f"unknown API capability {name}")
