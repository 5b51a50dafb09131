"""What speaks to registries. Many engines never pull: it is imported when first wanted, 0.8 MB."""

import os
from collections.abc import Callable

import scow
from scow.config import Config
from scow.distribution.endpoint import RegistrySettings
from scow.distribution.registries import Registries
from scow.engine.registries import RegistryClient
from scow.image.remote.downloads import Downloads
from scow.image.remote.pull import Puller
from scow.image.remote.push import Pusher
from scow.image.store import ImageStore
from scow.tasks import TaskOwner


def open_registries(
    config: Config, images: ImageStore, tell: Callable[..., None], tasks: TaskOwner
) -> RegistryClient:
    """``tell`` is told of every pull and push, as ``Images.tell`` is."""
    registries = Registries(_settings(config), f"scow/{scow.__version__}")
    downloads = Downloads(
        config.data_root / "tmp" / "downloads",
        config.max_concurrent_downloads,
        tasks,
        config.max_download_attempts,
    )
    return RegistryClient(
        registries,
        Puller(registries, downloads, images, images.origins),
        Pusher(registries, images, images.origins, config.max_concurrent_uploads),
        images,
        os.uname().machine,
        tell,
    )


def reconfigure(client: RegistryClient, config: Config) -> None:
    """Requests from now on are made as ``config`` says."""
    client.configure(
        _settings(config),
        downloads=config.max_concurrent_downloads,
        attempts=config.max_download_attempts,
        uploads=config.max_concurrent_uploads,
    )


def _settings(config: Config) -> RegistrySettings:
    return RegistrySettings(
        mirrors=config.registry_mirrors,
        insecure=config.insecure_registries,
        http_proxy=config.http_proxy,
        https_proxy=config.https_proxy,
        no_proxy=config.no_proxy,
    )
