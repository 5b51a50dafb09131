"""Which versions of the API are spoken, and from which on a parameter is read.

Bodies of requests are adapted in ``old_requests``, answers in ``version_views``.
"""

from functools import lru_cache

from scow.errors import InvalidArgumentError
from scow.spec.api_version import MAX_API_VERSION, MIN_API_VERSION, ApiVersion, parse_api_version
from scow.spec.filters import Filters


@lru_cache(32)
def check_version(text: str) -> ApiVersion:
    """The version in a path. Raises InvalidArgumentError when it is not spoken."""
    version = parse_api_version(text)
    if version < MIN_API_VERSION:
        raise InvalidArgumentError(
            f"client version {text} is too old. Minimum supported API version is {MIN_API_VERSION}, "
            "please upgrade your client to a newer version"
        )
    if version > MAX_API_VERSION:
        raise InvalidArgumentError(
            f"client version {text} is too new. Maximum supported API version is {MAX_API_VERSION}"
        )
    return version


def asks_platform(version: ApiVersion) -> bool:
    """Whether ``platform`` of create is to be read."""
    return version >= (1, 41)


def asks_wait_condition(version: ApiVersion) -> bool:
    """Whether ``condition`` of wait is to be read."""
    return version >= (1, 30)


def asks_stop_signal(version: ApiVersion) -> bool:
    """Whether ``signal`` of stop and restart is to be read."""
    return version >= (1, 42)


def asks_one_shot(version: ApiVersion) -> bool:
    """Whether ``one-shot`` of statistics is to be read."""
    return version >= (1, 41)


def image_list_filters(filters: Filters, name: str, version: ApiVersion) -> Filters:
    """Before 1.41 the reference could stand in a parameter of its own, ``name``."""
    return filters.adding("reference", name) if name and version < (1, 41) else filters


def volume_prune_filters(filters: Filters, version: ApiVersion) -> Filters:
    """Before 1.42 named volumes were pruned without being asked."""
    return filters.adding("all", "true") if version < (1, 42) else filters
