"""The drivers that send lines elsewhere, by name."""

from collections.abc import Mapping

from scow.logs.remote import fluentd, gelf, journald, syslog
from scow.logs.remote.destination import RemoteDriver

REMOTE_DRIVERS: Mapping[str, RemoteDriver] = {
    "fluentd": fluentd.DRIVER,
    "gelf": gelf.DRIVER,
    "journald": journald.DRIVER,
    "syslog": syslog.DRIVER,
}
