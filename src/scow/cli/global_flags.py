"""The options before the command."""

import os

from scow.cli.flags import BOOL, LIST, STRING, Flag

LOG_LEVELS = ("debug", "info", "warn", "warning", "error", "fatal", "panic", "trace")
HELP = Flag("help", BOOL, "Print usage", hidden=True)
# Its long name cannot be typed: the parser refuses names that begin with a dash.
HELP_SHORT = Flag("-h", BOOL, "", short="h", deprecated="use --help")

# Of buildx and all below it, before the verb or behind it.
BUILDX_FLAGS = (
    Flag("builder", STRING, "Override the configured builder instance"),
    Flag("debug", BOOL, "Enable debug logging", short="D"),
)
BUILDER_VARIABLE = "BUILDX_BUILDER"


def global_flags() -> tuple[Flag, ...]:
    """All of them but ``--help``; defaults come from the environment."""
    directory = os.environ.get("DOCKER_CONFIG") or os.path.join(os.path.expanduser("~"), ".docker")
    certificates = os.environ.get("DOCKER_CERT_PATH") or directory
    return (
        Flag("config", STRING, "Location of client config files", default=directory),
        Flag(
            "context",
            STRING,
            "Name of the context to use to connect to the daemon (overrides DOCKER_HOST env var and default "
            'context set with "docker context use")',
            short="c",
        ),
        Flag("debug", BOOL, "Enable debug mode", short="D"),
        Flag("host", LIST, "Daemon socket to connect to", short="H"),
        Flag(
            "log-level",
            STRING,
            'Set the logging level ("debug", "info", "warn", "error", "fatal")',
            short="l",
            default="info",
        ),
        Flag("tls", BOOL, "Use TLS; implied by --tlsverify"),
        Flag(
            "tlscacert",
            STRING,
            "Trust certs signed only by this CA",
            default=os.path.join(certificates, "ca.pem"),
        ),
        Flag(
            "tlscert",
            STRING,
            "Path to TLS certificate file",
            default=os.path.join(certificates, "cert.pem"),
        ),
        Flag("tlskey", STRING, "Path to TLS key file", default=os.path.join(certificates, "key.pem")),
        Flag("tlsverify", BOOL, "Use TLS and verify the remote"),
        Flag("version", BOOL, "Print version information and quit", short="v"),
    )
