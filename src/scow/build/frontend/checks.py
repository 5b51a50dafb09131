"""What is looked at before anything is built: build checks."""

from contextlib import suppress
from functools import partial

from scow.build.dockerfile.lint import is_wanted, lint
from scow.build.dockerfile.lint_rules import LintWarning
from scow.build.dockerfile.parser import Dockerfile, parse_dockerfile
from scow.build.evaluate.base import BaseImage
from scow.build.evaluate.evaluator import Evaluator
from scow.build.evaluate.options import Options
from scow.build.evaluate.variables import platform_arguments
from scow.errors import ScowError
from scow.image.store import ImageStore
from scow.spec.ignore_rules import IgnoreRules
from scow.spec.oci_image import ImageConfig, decode_document
from scow.spec.platform import Platform
from scow.tasks import run_blocking

_LARGE_CHARACTERS = 50_000
_MANY_STATEMENTS = 1_000
"""A few milliseconds of work; there are Dockerfiles that take seconds."""


async def parsed(text: str, name: str) -> Dockerfile:
    """See ``parse_dockerfile``; a large one is for another thread. Raises DockerfileError."""
    if len(text) < _LARGE_CHARACTERS:
        return parse_dockerfile(text, name)
    return await run_blocking(parse_dockerfile, text, name)


async def undefined_of(dockerfile: Dockerfile, options: Options, images: ImageStore) -> list[LintWarning]:
    """Variables that are used and not defined, as far as the base images that are here can tell."""
    if not is_wanted("UndefinedVar", dockerfile.directives):
        return []
    evaluator = Evaluator(dockerfile, options, Here(images))
    with suppress(ScowError):  # a base is elsewhere, or something is wrong: a build will say it
        for index in evaluator.needed(evaluator.target_index()):
            await evaluator.finished(index)
    return [
        LintWarning("UndefinedVar", what, location) for location, what in dict.fromkeys(evaluator.undefined)
    ]


class Here:
    """See ``scow.build.evaluate.base.Resolver``: nothing is pulled for a check."""

    def __init__(self, images: ImageStore) -> None:
        self._images = images

    async def resolve(self, reference: str, platform: Platform) -> BaseImage:
        image = self._images.resolve(reference)
        raw = await self._images.raw_config(image.id)
        config = decode_document(raw, ImageConfig, "image config")
        return BaseImage(reference, image.chain_id, config, image.id, platform=platform)


async def lint_of(dockerfile: Dockerfile, platform: Platform, ignored: IgnoreRules) -> list[LintWarning]:
    """The build checks of a Dockerfile."""
    check = partial(lint, dockerfile, predefined=platform_arguments(platform, platform, ""), ignored=ignored)
    return check() if len(dockerfile.statements) < _MANY_STATEMENTS else await run_blocking(check)
