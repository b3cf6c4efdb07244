"""Draws the documentation's pictures of what the shipped folder makes.

`python -m training.shapes.pictures [FOLDER] [IMAGES]` writes `shapes-strip.png` (the clip of
`make demo`) and `shapes-sheet.png` (one row a prompt, six frames of each clip).
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from training.shapes.judging.renders import Pixels, Stock
from training.shapes.learning.sheets import SHOWN, save_rows
from training.shapes.measure import FOLDER
from training.shapes.networks.folder import GUIDANCE, STEPS

IMAGES = Path("docs/images")
SEED = 7
DEMO = "a red circle moving left on a blue background"
PROMPTS = (
    DEMO,
    "a green square moving up on a white background",
    "a yellow star going around in a circle on a purple background",
    "white background, a pink triangle bouncing, high quality",
    "an orange circle growing on black",
    "a video of a cyan square shrinking on a red background",
    "a white star falling, on a blue backdrop",
    "a purple triangle standing still on a yellow background",
)
SEPARATE = 4  # white pixels between two frames


def main() -> None:
    """Render and write the pictures."""
    parser = argparse.ArgumentParser(prog="python -m training.shapes.pictures")
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER)
    parser.add_argument("images", type=Path, nargs="?", default=IMAGES)
    options = parser.parse_args()
    stock = Stock(options.folder, device="cpu", steps=STEPS, guidance=GUIDANCE)
    clips = [stock.render([prompt], [SEED])[0] for prompt in PROMPTS]
    rows = [row_of(clip, SHOWN) for clip in clips]
    save_rows(rows[:1], options.images / "shapes-strip.png")
    save_rows(rows, options.images / "shapes-sheet.png")


def row_of(clip: Pixels, shown: Sequence[int]) -> torch.Tensor:
    """Return frames of a clip (frames, height, width, 3) side by side: (3, height, width)."""
    frames = [torch.from_numpy(clip[number]).permute(2, 0, 1) for number in shown]
    padded = [torch.nn.functional.pad(each, (0, SEPARATE, 0, SEPARATE), value=1) for each in frames]
    return torch.cat(padded, dim=-1)[:, :, :-SEPARATE]


if __name__ == "__main__":
    main()
