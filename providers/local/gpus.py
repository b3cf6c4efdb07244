"""Says how many CUDA devices torch sees: `python -m providers.local.gpus`."""

import torch

if __name__ == "__main__":
    print(torch.cuda.device_count())  # noqa: T201 - the answer
