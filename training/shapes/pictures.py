"""Draws the documentation's pictures of what the shipped folder makes.

`python -m training.shapes.pictures [FOLDER] [IMAGES]` writes `shapes-strip.png` (the clip of
`make demo`), `shapes-sheet.png` (one row a prompt, six frames of each clip) and `shapes-extras.png`
(three clips with the LoRA, two with the textual inversion).
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
IN_NEON = (
    DEMO,
    "a yellow square bouncing on a green background",
    "a cyan star growing on a white background",
)
IN_LIME = ("a <lime> circle moving left on a blue background", "a <lime> star bouncing on black")
SEPARATE = 4  # white pixels between two frames


def main() -> None:
    """Render and write the pictures."""
    parser = argparse.ArgumentParser(prog="python -m training.shapes.pictures")
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER)
    parser.add_argument("images", type=Path, nargs="?", default=IMAGES)
    options = parser.parse_args()
    stock = Stock(options.folder, device="cpu", steps=STEPS, guidance=GUIDANCE)
    rows = rows_of(stock, PROMPTS)
    save_rows(rows[:1], options.images / "shapes-strip.png")
    save_rows(rows, options.images / "shapes-sheet.png")
    save_rows(extras_of(stock, options.folder.parent), options.images / "shapes-extras.png")


def extras_of(stock: Stock, models: Path) -> list[torch.Tensor]:
    """Render with what lies beside the model."""
    stock.put_on(lora=models / "loras" / "neon.safetensors")
    neon = rows_of(stock, IN_NEON)
    stock.take_off()
    stock.put_on(embedding=models / "embeddings" / "lime.safetensors")
    return neon + rows_of(stock, IN_LIME)


def rows_of(stock: Stock, prompts: Sequence[str]) -> list[torch.Tensor]:
    """Render each prompt as a row."""
    return [row_of(stock.render([prompt], [SEED])[0], SHOWN) for prompt in prompts]


def row_of(clip: Pixels, shown: Sequence[int]) -> torch.Tensor:
    """Return frames of a clip (frames, height, width, 3) side by side: (3, height, width)."""
    frames = [torch.from_numpy(clip[number]).permute(2, 0, 1) for number in shown]
    padded = [torch.nn.functional.pad(each, (0, SEPARATE, 0, SEPARATE), value=1) for each in frames]
    return torch.cat(padded, dim=-1)[:, :, :-SEPARATE]


if __name__ == "__main__":
    main()
