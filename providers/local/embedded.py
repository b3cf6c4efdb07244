"""Has the embedded model built where it is missing, in a process of its own: that needs torch."""

import logging
from collections.abc import Mapping
from pathlib import Path

from providers.local.errand import run_errand

logger = logging.getLogger(__name__)

LAST_WORDS = 2000  # characters of a failed build that are logged


async def build_embedded(out: Path, *, python: str, env: Mapping[str, str]) -> None:
    """Build the model into the folder `out`; a build that fails is logged and leaves no folder."""
    try:
        ended = await run_errand("providers.local.placeholder", str(out), python=python, env=env)
    except OSError as error:
        logger.error("The embedded model could not be built: %s", error)  # noqa: TRY400 - no bug
        return
    if ended.code != 0:
        words = ended.errors.decode(errors="replace")[-LAST_WORDS:]
        logger.error("The embedded model could not be built: %s", words)
