"""What a child process of ours does to itself before it opens anything.

It ends with the bot, whose process id it is given, and it holds itself to memory and time, so
whatever a file or a library does in it ends there.
"""

import ctypes
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def tie_to(parent: int) -> None:
    """Have the kernel kill this process when its parent ends; end if it already has.

    The parent's id is compared with what the bot said, not with 1: in a container it may be 1.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("The bot is gone.")


def limit(memory_bytes: int, cpu_s: int) -> None:
    """Hold this process to memory and CPU time, and keep it from dumping core."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
