"""One run of the program: its name, global options, settings, streams, and the engine that it talks to."""

import os

from scow import __version__
from scow.api.client.client import Client
from scow.api.client.endpoint import DEFAULT_SOCKET, Endpoint, parse_endpoint
from scow.cli.config_file import DEFAULT_CONTEXT, ConfigFile, config_directory, context_host, load_config_file
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
            endpoint = parse_endpoint(place if "://" in place else self._host_of(place))
        except ScowError as exc:
            raise CommandError(f"ERROR: unable to resolve docker endpoint: {exc.message}") from exc
        headers = {**self.config.http_headers(), "User-Agent": f"Scow-Client/{__version__} (linux)"}
        return Client(endpoint, headers=headers, on_refused=self._start_daemon)

    def _host_of(self, context: str) -> str:
        if context == DEFAULT_CONTEXT:
            return self._environment_host()
        return context_host(self.config_directory, context)

    def move_to(self, client: Client) -> None:
        """From now on everything is asked of another engine."""
        if client is not self._client:
            self.close()
            self._client = client

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
            message = f"Failed to initialize: unable to resolve docker endpoint: {exc.message}"
            raise CommandError(message) from exc

    def _resolve_endpoint(self) -> Endpoint:
        hosts: list[str] = self.options["host"]
        if len(hosts) > 1:
            raise CommandError("Specify only one -H")
        name = self.context_name()
        if name == DEFAULT_CONTEXT:
            endpoint = parse_endpoint(hosts[0] if hosts else self._environment_host())
        else:
            endpoint = parse_endpoint(context_host(self.config_directory, name))
        if endpoint.scheme == "tcp" and self._wants_tls():
            endpoint.tls = self._tls_options()
        return endpoint

    def _environment_host(self) -> str:
        """``SCOW_HOST`` is for scow alone, so it counts before ``DOCKER_HOST``."""
        return self.environ.get("SCOW_HOST") or self.environ.get("DOCKER_HOST") or ""

    def _wants_tls(self) -> bool:
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
