"""What is looked at before anything is built: build checks."""

from contextlib import suppress

from scow.build.dockerfile.lint import is_wanted, lint
from scow.build.dockerfile.lint_rules import LintWarning
from scow.build.dockerfile.parser import Dockerfile
from scow.build.evaluate.base import BaseImage
from scow.build.evaluate.evaluator import Evaluator
from scow.build.evaluate.options import Options
from scow.build.evaluate.variables import platform_arguments
from scow.errors import ScowError
from scow.image.store import ImageStore
from scow.spec.ignore_rules import IgnoreRules
from scow.spec.oci_image import ImageConfig, decode_document
from scow.spec.platform import Platform


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


def lint_of(dockerfile: Dockerfile, platform: Platform, ignored: IgnoreRules) -> list[LintWarning]:
    """The build checks of a Dockerfile."""
    return lint(dockerfile, predefined=platform_arguments(platform, platform, ""), ignored=ignored)
