"""Says who works: one process with a GPU, or one process for each core, of one thread each.

Processes of one thread share a batch and average their gradients. On a CPU that is faster than
threads, and one of them does not stand still when something else runs on its core.
"""

import os
import socket
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import distributed, multiprocessing, nn

Module = TypeVar("Module", bound=nn.Module)
LOST = timedelta(minutes=10)  # after which a process gives the others up


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """A process, how many there are, and what it works on."""

    rank: int = 0
    size: int = 1
    device: str = "cpu"

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def share(self, batch: int) -> int:
        """Return this process's part of a batch."""
        return max(1, batch // self.size)

    def place(self, module: Module) -> Module:
        """Return the module on this process's device."""
        any_module: Any = module  # diffusers and transformers type their `to` as something else
        return any_module.to(self.device)

    def precision(self) -> AbstractContextManager[object]:
        """Return a context of bf16 on a GPU; small layers on a CPU are no faster in it."""
        return torch.autocast("cuda", torch.bfloat16) if self.device == "cuda" else nullcontext()

    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Average the gradients of all processes."""
        if self.size == 1:
            return
        given = [each.grad for each in parameters if each.grad is not None]
        flat = torch.cat([each.flatten() for each in given])
        distributed.all_reduce(flat)
        parts = (flat / self.size).split([each.numel() for each in given])
        for mine, part in zip(given, parts, strict=True):
            mine.copy_(part.view_as(mine))


def work(task: Callable[[Crew], None], *, processes: int | None = None) -> None:
    """Run the task in every process of the crew, and wait for all."""
    if torch.cuda.is_available():
        task(Crew(device="cuda"))
        return
    size = processes or len(os.sched_getaffinity(0))
    if size == 1:
        task(Crew())
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    multiprocessing.spawn(_join, (size, port, task), nprocs=size)  # pyright: ignore[reportPrivateImportUsage]


def _join(rank: int, size: int, port: int, task: Callable[[Crew], None]) -> None:
    with _together(rank, size, port):
        task(Crew(rank=rank, size=size))


@contextmanager
def _together(rank: int, size: int, port: int) -> Generator[None]:
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=size, timeout=LOST
    )
    try:
        yield
    finally:
        distributed.destroy_process_group()
