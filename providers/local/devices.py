"""Finds out what the engine can run on, without loading torch into the bot.

`auto` means every CUDA device, or the CPU where there is none. torch is asked in a process of
its own, and only if the machine has a GPU at all.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from jobs.errors import SettingsError
from providers.local.errand import run_errand
from providers.local.levers import has_fp8

CPU = "cpu"
GPU_NODES = ("nvidia[0-9]*", "dxg", "kfd")  # NVIDIA; Windows' Linux; ROCm


async def find_devices(
    asked: Sequence[str], *, python: str, env: Mapping[str, str], dev: Path = Path("/dev")
) -> tuple[str, ...]:
    """Return torch's names of the devices to use, one worker for each.

    Args:
        asked: `auto`, `cpu`, or numbers of GPUs.
        python: The interpreter that has torch.
        env: Its environment.
        dev: Where the machine lists its devices.

    Raises:
        SettingsError: A GPU is asked for that torch does not see.
    """
    if all(name == CPU for name in asked):
        return (CPU,)
    count = await _count_gpus(python, env) if _has_gpu(dev) else 0
    found: list[str] = []
    for name in asked:
        if name == "auto":
            found += [f"cuda:{number}" for number in range(count)] or [CPU]
        elif name == CPU:
            found.append(CPU)
        elif int(name) < count:
            found.append(f"cuda:{int(name)}")
        else:
            message = f"LOCAL_DEVICES names GPU {name}, but torch sees {count} here."
            raise SettingsError(message)
    return tuple(dict.fromkeys(found))


def _has_gpu(dev: Path) -> bool:
    return any(next(dev.glob(pattern), None) is not None for pattern in GPU_NODES)


async def check_fp8(devices: Sequence[str], *, python: str, env: Mapping[str, str]) -> None:
    """Refuse GPUs that cannot multiply in 8 bits.

    Args:
        devices: What `find_devices` returned.
        python: The interpreter that has torch.
        env: Its environment.

    Raises:
        SettingsError: There is one; the message names it.
    """
    numbers = [int(name.partition(":")[2]) for name in devices if name != CPU]
    told = await _told_by_torch(python, env) if numbers else []
    for number in numbers:
        known = told[1 + number : 2 + number]
        if known and not has_fp8(tuple(map(int, known[0].split(".")))):
            message = (
                f"LOCAL_SPEED names fp8, but GPU {number} has compute capability {known[0]}: "
                "it takes 8.9 (Ada) or 9.0 (Hopper)."
            )
            raise SettingsError(message)


async def _count_gpus(python: str, env: Mapping[str, str]) -> int:
    told = await _told_by_torch(python, env)
    return int(told[0]) if told else 0


async def _told_by_torch(python: str, env: Mapping[str, str]) -> list[str]:
    """Return how many GPUs there are, and what each can; nothing if torch cannot tell."""
    ended = await run_errand("providers.local.gpus", python=python, env=env)
    return ended.output.decode().split() if ended.code == 0 else []
