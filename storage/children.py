"""How the bot starts a child process of its own: without its secrets, and it leaves none behind."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


@asynccontextmanager
async def open_child(module: str, **environment: str) -> AsyncGenerator[Process]:
    """Start `python -m module PARENT` and have it gone at the end.

    Args:
        module: Reads its order from stdin and writes its answer to stdout.
        environment: All that it gets beside the way to our modules; the bot's own holds secrets.
    """
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        str(os.getpid()),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        env={"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUTF8": "1", **environment},
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
            await asyncio.shield(child.wait())
