"""What errors of libraries mean: that memory ran out, or that the device is lost."""

from typing import Any

import torch

# What libraries say, in errors of no class of their own, when there is no memory left.
MEMORY_WORDS = (
    "DefaultCPUAllocator",
    "out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "can't start new thread",
)
LOST_WORDS = "CUDA error"  # of torch before 2.8, which had no class for it


def is_memory(error: BaseException) -> bool:
    """Say whether an error means that memory ran out."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error) for word in MEMORY_WORDS)


def is_lost(error: BaseException) -> bool:
    """Say whether an error means that only a fresh process can use the device again."""
    lost: Any = vars(torch).get("AcceleratorError")
    if lost is not None:
        return isinstance(error, lost)
    return isinstance(error, RuntimeError) and LOST_WORDS in str(error) and not is_memory(error)
