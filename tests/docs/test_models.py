"""docs/models.md shows commands that the command line takes, and sentences that it says."""

import argparse
import re
import shlex
from pathlib import Path

import pytest

from bot.__main__ import build_parser
from bot.model_options import add_arguments
from providers.local.library.offerings import look_at
from providers.local.library.weights import BrokenFileError
from tests.local.weightless import UNET, Shapes, checkpoint, lora, motion, write

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/models.md").read_text()
COMMANDS = sorted(set(re.findall(r"^\$ python -m bot (models .+)$", PAGE, re.MULTILINE)))


@pytest.mark.parametrize("line", COMMANDS)
def test_the_commands_of_the_page_are_taken(line: str) -> None:
    arguments = build_parser().parse_args(shlex.split(line))
    assert arguments.command == "models"


def test_every_action_is_shown() -> None:
    shown = {line.split()[1] for line in COMMANDS}
    assert shown == {"list", "add", "remove", "verify", "mark", "alias"}


def test_every_option_is_on_the_page() -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    (actions,) = [a.choices for a in parser._actions if isinstance(a.choices, dict)]
    options = {
        option
        for action in actions.values()
        for argument in action._actions
        for option in argument.option_strings
        if option.startswith("--") and option != "--help"
    }
    told = set(re.findall(r"--[a-z][a-z-]*", PAGE))
    assert options <= told


REFUSED: dict[str, Shapes] = {
    "pickle.ckpt": lora(),
    "xl": {"conditioner.embedders.0.x": (1,)},
    "inpainting": checkpoint() | {f"{UNET}.input_blocks.0.0.weight": (320, 9, 3, 3)},
    "pruned": checkpoint(**{f"{UNET}.rest": (5,)}),
    "vaeless": {name: size for name, size in checkpoint().items() if "first_stage" not in name},
    "unet": {"conv_in.weight": (1,), "down_blocks.0.resnets.0.x": (1,)},
    "vae": {"decoder.x": (1,)},
    "v1": motion(has_middle=False, frames=24),
    "lycoris": {"lora_unet_mid_block_x.hada_w1_a": (4, 8)},
}
HEADERS = {
    "cut": b'{"a": {"dtype": "U8", "shape": [9], "data_offsets": [0, 9]}}',
    "none": b"",
    "overlap": b'{"a": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}, '
    b'"b": {"dtype": "U8", "shape": [2], "data_offsets": [1, 3]}}',
}
FROM_ELSEWHERE = (  # tests/local/test_adding.py sees them said
    *("is a LoRA for …", "is an embedding for …", "is a link that leads elsewhere"),
    "there is already one called …",
)


def test_the_refusals_of_the_page_are_what_is_said(tmp_path: Path) -> None:
    said = [fault_of(write(tmp_path / name, shapes)) for name, shapes in REFUSED.items()]
    for name, header in HEADERS.items():
        (tmp_path / name).write_bytes(len(header).to_bytes(8, "little") + header)
        said.append(fault_of(tmp_path / name))
    (table,) = re.findall(r"## What is refused\n(.*?)\n## ", PAGE, re.DOTALL)
    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("| *")]
    told = [sentence for row in rows for sentence in re.findall(r"\*([^*]+)\*", row)]
    assert set(FROM_ELSEWHERE) < set(told)
    for sentence in set(told) - set(FROM_ELSEWHERE):
        assert any(sentence in fault for fault in said), sentence


def fault_of(path: Path) -> str:
    with pytest.raises(BrokenFileError) as caught:
        look_at(path)
    return str(caught.value)
