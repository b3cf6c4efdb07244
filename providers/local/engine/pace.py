"""Keeps the host close behind a GPU that works on its own.

Nothing in a step waits for the GPU, so the host would launch a whole run in one go: progress
would be told, and a cancellation asked about, long before the work is done. Waiting for the call
before the last one keeps both true, and the GPU still has a call ahead of it.
"""

from collections import deque

import torch

AHEAD = 1  # calls that the GPU may have waiting


class Pace:
    """The calls of one run; on a CPU, where nothing runs ahead, it does nothing."""

    def __init__(self, device: torch.device) -> None:
        self._is_gpu = device.type == "cuda"
        self._marks: deque[torch.cuda.Event] = deque()

    def wait(self) -> None:
        """Wait until the device has at most so many calls to do."""
        while len(self._marks) > AHEAD:
            self._marks.popleft().synchronize()

    def mark(self) -> None:
        """Note that a call was launched."""
        if self._is_gpu:
            mark = torch.cuda.Event()
            mark.record()
            self._marks.append(mark)
