"""Runs one module in a process of its own that ends with the bot, however the bot ends.

For what needs torch once, at the start. The process is `python -m providers.local.errand`,
which ties itself to the bot before it runs the module, because importing torch takes seconds.
"""

import asyncio
import ctypes
import os
import runpy
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping
from dataclasses import dataclass

PR_SET_PDEATHSIG = 1  # linux/prctl.h


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How an errand ended."""

    code: int | None
    output: bytes
    errors: bytes


async def run_errand(module: str, *arguments: str, python: str, env: Mapping[str, str]) -> Ended:
    """Run a module to its end; whoever is cancelled meanwhile leaves no process behind.

    Raises:
        OSError: It cannot be started.
    """
    process = await asyncio.create_subprocess_exec(
        *(python, "-m", "providers.local.errand", str(os.getpid()), module, *arguments),
        env=dict(env),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await asyncio.shield(process.wait())
    return Ended(code=process.returncode, output=output, errors=errors)


def main() -> None:
    """Tie this process to the one whose id is given, then be the module that is named."""
    parent, module, *arguments = sys.argv[1:]
    tie_to(int(parent))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def tie_to(parent: int) -> None:
    """Have the kernel kill this process when its parent ends; end if it already has.

    The parent's id is compared with what the bot said, not with 1: in a container it may be 1.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("The bot is gone.")


if __name__ == "__main__":
    main()
