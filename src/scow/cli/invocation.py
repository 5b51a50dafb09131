"""One run of the program: its name, global options, settings, streams, and the engine that it talks to."""

import os

from scow import __version__
from scow.api.client.client import Client
from scow.api.client.endpoint import DEFAULT_SOCKET, Endpoint, parse_endpoint
from scow.cli.config_file import DEFAULT_CONTEXT, ConfigFile, config_directory, load_config_file
from scow.cli.exits import CommandError
from scow.cli.output import Output
from scow.errors import ScowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Mapping, Sequence

    from scow.api.client.tls import TlsOptions
    from scow.cli.flags import Flags


class Invocation:
    """What every command gets. Settings and the client are made when first asked for."""

    def __init__(
        self, program: str, options: "Flags", environ: "Mapping[str, str]", argv: "Sequence[str]" = ()
    ) -> None:
        """``argv`` is the whole command line without the program's name."""
        self.program = program
        self.argv = argv
        self.options = options
        self.environ = environ
        self.out = Output(1)
        self.err = Output(2)
        self.command_name = ""
        self._config: ConfigFile | None = None
        self._client: Client | None = None
        self.has_moved = False

    @property
    def config(self) -> ConfigFile:
        if self._config is None:
            self._config, warning = load_config_file(self.config_directory)
            if warning:
                self.err.line(warning)
        return self._config

    @property
    def client(self) -> Client:
        """Connects at the first request. Raises CommandError when the endpoint makes no sense."""
        if self._client is None:
            self._client = self.new_client()
        return self._client

    def new_client(self) -> Client:
        """A client with connections of its own, for signal handlers and threads."""
        endpoint = self.endpoint()
        headers = {**self.config.http_headers(), "User-Agent": f"Scow-Client/{__version__} (linux)"}
        version = self._client.version if self._client else ""
        return Client(endpoint, headers=headers, version=version, on_refused=self._start_daemon)

    def client_of(self, place: str) -> Client:
        """A client of the engine of another context, or at an address. Raises CommandError."""
        try:
            endpoint = self._fitted(parse_endpoint(place)) if "://" in place else self._of_context(place)
        except ScowError as exc:
            raise CommandError(f"ERROR: unable to resolve docker endpoint: {exc.message}") from exc
        headers = {**self.config.http_headers(), "User-Agent": f"Scow-Client/{__version__} (linux)"}
        return Client(endpoint, headers=headers, on_refused=self._start_daemon)

    def move_to(self, client: Client) -> None:
        """From now on everything is asked of another engine."""
        if client is not self._client:
            self.close()
            self._client = client
            self.has_moved = True

    def close(self) -> None:
        """Close the kept connection."""
        if self._client is not None:
            self._client.close()

    def context_name(self) -> str:
        """``--context``; a host by option or environment means the default one; then the settings."""
        if self.options["context"]:
            return str(self.options["context"])
        if self.options["host"] or self._environment_host():
            return DEFAULT_CONTEXT
        return self.environ.get("DOCKER_CONTEXT") or self.config.text("currentContext") or DEFAULT_CONTEXT

    def endpoint(self) -> Endpoint:
        try:
            return self._resolve_endpoint()
        except ScowError as exc:
            words = "" if _speaks_for_itself(exc) else "unable to resolve docker endpoint: "
            raise CommandError(f"Failed to initialize: {words}{exc.message}") from exc

    def _resolve_endpoint(self) -> Endpoint:
        if len(self.options["host"]) > 1:
            raise CommandError("Specify only one -H")
        return self._of_context(self.context_name())

    def _of_context(self, name: str) -> Endpoint:
        """What options say of TLS is for the default one, others have their own."""
        if name != DEFAULT_CONTEXT:
            from scow.cli.contexts.current import stored_endpoint

            return self._fitted(stored_endpoint(self.config_directory, name))
        endpoint = self._default_endpoint()
        if endpoint.scheme == "tcp" and self.wants_tls():
            endpoint.tls = self._tls_options()
        return self._fitted(endpoint)

    def _default_endpoint(self) -> Endpoint:
        hosts: list[str] = self.options["host"]
        return parse_endpoint(hosts[0] if hosts else self._environment_host())

    def _fitted(self, endpoint: Endpoint) -> Endpoint:
        """On a machine that is reached by ssh, who is called docker runs that, and scow runs scow."""
        if self.program == "docker":
            endpoint.far_program = self.program
        return endpoint

    def default_host(self) -> str:
        """The address that options and environment say. Raises InvalidArgumentError."""
        return self._default_endpoint().text

    def skips_verification(self) -> bool:
        """Whether options and environment want TLS and nobody to look at certificates."""
        return self.wants_tls() and not self._verifies()

    def _environment_host(self) -> str:
        """``SCOW_HOST`` is for scow alone, so it counts before ``DOCKER_HOST``."""
        return self.environ.get("SCOW_HOST") or self.environ.get("DOCKER_HOST") or ""

    def wants_tls(self) -> bool:
        """Whether options or environment want it of an engine by TCP."""
        return bool(self.options["tls"] or self._verifies() or self.environ.get("DOCKER_TLS"))

    def _verifies(self) -> bool:
        if "tlsverify" in self.options.changed:
            return bool(self.options["tlsverify"])
        return bool(self.environ.get("DOCKER_TLS_VERIFY"))

    def _tls_options(self) -> "TlsOptions":
        from scow.api.client.tls import TlsOptions

        options = self.options
        return TlsOptions(options["tlscacert"], options["tlscert"], options["tlskey"], self._verifies())

    @property
    def config_directory(self) -> str:
        """Where the settings are, and what else belongs to them."""
        return config_directory(self.options["config"], self.environ)

    def _start_daemon(self, endpoint: Endpoint) -> "_socket.socket | None":
        if endpoint.path != DEFAULT_SOCKET or os.geteuid() != 0:
            return None
        from scow.cli.daemon_start import start_daemon

        return start_daemon(endpoint)


def _speaks_for_itself(error: ScowError) -> bool:
    """Whether Docker puts no words of its own before a complaint."""
    from scow.api.client.ssh_address import SshAddressError

    return isinstance(error, SshAddressError)
