"""``POST /system/check``, scow's own: what is not whole on disk or in the database."""

from scow.spec.engine_api.body import Body


class CheckFinding(Body, kw_only=True):
    """One thing that is wrong. ``kind``: database, record, directory, config, layer, container."""

    kind: str
    subject: str
    detail: str
    repaired: bool


class CheckSummary(Body, kw_only=True):
    """What was looked at; ``size`` in bytes of layers."""

    images: int
    layers: int
    size: int
    containers: int
