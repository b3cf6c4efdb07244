"""Says how many CUDA devices torch sees, and what each can: `python -m providers.local.gpus`.

The count comes first, then a line for each: its compute capability, such as `9.0`.
"""

import torch

if __name__ == "__main__":
    count = torch.cuda.device_count()
    print(count)  # noqa: T201 - the answer
    for number in range(count):
        print(*torch.cuda.get_device_capability(number), sep=".")  # noqa: T201
