"""What Docker would honour in a host configuration and this engine does not yet do.

Refused by name when a container is created: a setting that is silently without effect is worse than none.
"""

import msgspec

from scow.errors import UnsupportedError
from scow.spec.engine_api.container import HostConfig


def refuse_what_is_missing(host: HostConfig) -> None:
    """Raises UnsupportedError that names the first setting without effect here."""
    if host.volumes_from:
        raise UnsupportedError("--volumes-from is not supported by this engine")
    if host.links:
        raise UnsupportedError("--link is not supported by this engine")
    if host.volume_driver not in ("", "local"):
        raise UnsupportedError(f"volume driver {host.volume_driver} is not supported by this engine")
    if host.storage_opt is not msgspec.UNSET and host.storage_opt:
        # Docker's words on a file system without project quotas.
        raise UnsupportedError(
            "--storage-opt is supported only for overlay over xfs with 'pquota' mount option"
        )
