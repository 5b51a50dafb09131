"""The options of ``build``: buildx's, and those of the classic builder that scripts still give."""

from scow.cli.flags import BOOL, LIST, STRING, STRINGS, Flag, Kind, list_of
from scow.cli.options.ulimits import parse_ulimit
from scow.cli.units import ram_in_bytes

BYTES = Kind("bytes", ram_in_bytes, zero=int)
ULIMITS = list_of(parse_ulimit, name="ulimit", empty_text="[]")
_NAMES = list_of(name="stringArray")

FLAGS = (
    Flag("allow", _NAMES, 'Allow extra privileged entitlement (e.g., "network.host", "security.insecure")'),
    Flag("add-host", STRINGS, 'Add a custom host-to-IP mapping (format: "host:ip")'),
    Flag("annotation", _NAMES, "Add annotation to the image"),
    Flag("attest", _NAMES, 'Attestation parameters (format: "type=sbom,generator=image")'),
    Flag("build-arg", _NAMES, "Set build-time variables"),
    Flag("build-context", _NAMES, "Additional build contexts (e.g., name=path)"),
    Flag("builder", STRING, "Override the configured builder instance"),
    Flag("cache-from", _NAMES, 'External cache sources (e.g., "user/app:cache")'),
    Flag("cache-to", _NAMES, 'Cache export destinations (e.g., "type=inline")'),
    Flag("call", STRING, 'Set method for evaluating build ("check", "outline", "targets")', default="build"),
    Flag("cgroup-parent", STRING, 'Set the parent cgroup for the "RUN" instructions during build'),
    Flag("check", BOOL, 'Shorthand for "--call=check"'),
    Flag("debug", BOOL, "Start a shell in a step that fails"),
    Flag("explain", BOOL, "Say of each step why it was, or was not, in the cache"),
    Flag("file", STRING, 'Name of the Dockerfile (default: "PATH/Dockerfile")', short="f"),
    Flag("iidfile", STRING, "Write the image ID to a file"),
    Flag("label", _NAMES, "Set metadata for an image"),
    Flag("load", BOOL, 'Shorthand for "--output=type=docker"'),
    Flag("metadata-file", STRING, "Write build result metadata to a file"),
    Flag("network", STRING, 'Set the networking mode for "RUN" instructions during build', default="default"),
    Flag("no-cache", BOOL, "Do not use cache when building the image"),
    Flag("no-cache-filter", _NAMES, "Do not cache specified stages"),
    Flag("output", _NAMES, 'Output destination (format: "type=local,dest=path")', short="o"),
    Flag("platform", _NAMES, "Set target platform for build"),
    Flag(
        "policy",
        _NAMES,
        'Policy configuration (format: "filename=path[,filename=path][,reset=true|false]'
        '[,disabled=true|false][,strict=true|false][,log-level=level]")',
    ),
    Flag(
        "progress",
        STRING,
        'Set type of progress output ("auto", "plain", "tty", "quiet", "rawjson"). '
        "Use plain to show container output",
        default="auto",
    ),
    Flag("provenance", STRING, 'Shorthand for "--attest=type=provenance"'),
    Flag("pull", BOOL, "Always attempt to pull all referenced images"),
    Flag("push", BOOL, 'Shorthand for "--output=type=registry"'),
    Flag("quiet", BOOL, "Suppress the build output and print image ID on success", short="q"),
    Flag(
        "resource",
        _NAMES,
        'Resource limits for build containers (format: "memory=2g", "cpu-quota=50000")',
    ),
    Flag("sbom", STRING, 'Shorthand for "--attest=type=sbom"'),
    Flag("secret", _NAMES, 'Secret to expose to the build (format: "id=name[,src=path]")'),
    Flag("shm-size", BYTES, 'Shared memory size for build containers'),
    Flag("ssh", _NAMES, 'SSH agent socket to expose to the build (format: "default|<id>[=<socket>]")'),
    Flag("tag", _NAMES, 'Name and optionally a tag (format: "name:tag")', short="t"),
    Flag("target", STRING, "Set the target build stage to build"),
    Flag("ulimit", ULIMITS, "Ulimit options"),
    # Of the classic builder.
    Flag("compress", BOOL, "Compress the build context using gzip", hidden=True),
    Flag("cpu-period", Kind("int", int, zero=int), "Limit the CPU CFS period", hidden=True),
    Flag("cpu-quota", Kind("int", int, zero=int), "Limit the CPU CFS quota", hidden=True),
    Flag("cpu-shares", Kind("int", int, zero=int), "CPU shares (relative weight)", short="c", hidden=True),
    Flag("cpuset-cpus", STRING, "CPUs in which to allow execution", hidden=True),
    Flag("cpuset-mems", STRING, "MEMs in which to allow execution", hidden=True),
    Flag("force-rm", BOOL, "Always remove intermediate containers", hidden=True),
    Flag("isolation", STRING, "Container isolation technology", hidden=True),
    Flag("memory", BYTES, "Memory limit", short="m", hidden=True),
    Flag("memory-swap", BYTES, "Swap limit equal to memory plus swap", hidden=True),
    Flag("rm", BOOL, "Remove intermediate containers after a successful build", default=True, hidden=True),
    Flag("security-opt", LIST, "Security options", hidden=True),
    Flag("squash", BOOL, "Squash newly built layers into a single new layer", hidden=True),
)  # fmt: skip
