"""What an error of a library means, with the torch that is installed and with an older one."""

import pytest
import torch

from providers.local.engine.trouble import is_lost, is_memory

ACCESS = "CUDA error: an illegal memory access was encountered"


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("CUDA error: out of memory"),
        MemoryError(),
    ],
)
@pytest.mark.parametrize("is_old", [False, True])
def test_memory_that_ran_out_is_no_lost_device(
    error: Exception, monkeypatch: pytest.MonkeyPatch, *, is_old: bool
) -> None:
    if is_old:
        monkeypatch.delattr(torch, "AcceleratorError")
    assert is_memory(error)
    assert not is_lost(error)


def test_a_lost_device_is_known_by_its_class_or_before_torch_2_8_by_its_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert is_lost(torch.AcceleratorError(ACCESS))
    assert not is_lost(RuntimeError(ACCESS))
    monkeypatch.delattr(torch, "AcceleratorError")
    assert is_lost(RuntimeError(ACCESS))
    assert not is_lost(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not is_memory(RuntimeError(ACCESS))
