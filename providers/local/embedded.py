"""Has the embedded model built where it is missing, in a process of its own: that needs torch."""

import asyncio
import logging
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping
from pathlib import Path

logger = logging.getLogger(__name__)

LAST_WORDS = 2000  # characters of a failed build that are logged


async def build_embedded(out: Path, *, python: str, env: Mapping[str, str]) -> None:
    """Build the model into the folder `out`; a build that fails is logged and leaves no folder."""
    try:
        process = await asyncio.create_subprocess_exec(
            *(python, "-m", "providers.local.placeholder", str(out)),
            env=dict(env),
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=PIPE,
        )
    except OSError as error:
        logger.error("The embedded model could not be built: %s", error)  # noqa: TRY400 - no bug
        return
    try:
        _, errors = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        words = errors.decode(errors="replace")[-LAST_WORDS:]
        logger.error("The embedded model could not be built: %s", words)
