"""Reads models and motion modules from disk into host memory, under the names of our modules.

A model is a diffusers folder, or one file in the layout of the original Stable Diffusion code
(LDM), whose configs ship with Flipbook. A motion module is a diffusers folder or one file, in
diffusers' names or in those of the original AnimateDiff code. Only safetensors is read, and of
it only what the engine needs: EMA copies and the like stay on disk.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from diffusers.loaders.single_file_utils import (
    convert_animatediff_checkpoint_to_diffusers,
    convert_ldm_unet_checkpoint,
    convert_ldm_vae_checkpoint,
)
from safetensors import SafetensorError, safe_open
from torch import Tensor
from transformers import CLIPTokenizer

from providers.local.library.weights import BrokenFileError, check_weights

SHIPPED = Path(__file__).parents[1] / "configs"

State = Mapping[str, Tensor]
Keep = Callable[[Tensor], Tensor]

MODULES = {  # the parts that hold weights, and the only classes that they may be of
    "unet": ("UNet2DConditionModel", "UNetMotionModel"),
    "text_encoder": ("CLIPTextModel",),
    "vae": ("AutoencoderKL",),
}
CHECKER = "safety_checker"
STEMS = {
    "text_encoder": "model",
    CHECKER: "model",
}  # transformers' name of a weight file; diffusers' is below
DIFFUSERS_STEM = "diffusion_pytorch_model"

# Prefixes in the original layout (CompVis/stable-diffusion, configs/stable-diffusion/v1*.yaml).
LDM_UNET = "model.diffusion_model."
LDM_VAE = "first_stage_model."
LDM_CLIP = "cond_stage_model.transformer."
# How the text encoders of other bases are called there (Stability-AI/generative-models).
FOREIGN = {
    "conditioner.embedders.": "an SDXL checkpoint",
    "cond_stage_model.model.": "an SD 2 checkpoint",
    "text_encoders.": "a checkpoint of a later base",
}
OLD_VAE_ATTENTION = {  # diffusers before 0.15, and so the folder of SD 1.5 itself
    ".query.": ".to_q.",
    ".key.": ".to_k.",
    ".value.": ".to_v.",
    ".proj_attn.": ".to_out.0.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A model in host memory.

    Attributes:
        configs: Settings by part: `unet`, `text_encoder`, `vae`, `scheduler`.
        states: Weights by part and by name; of the first three.
        tokenizer: Must not be changed: it serves whoever loads the model next.
    """

    configs: Mapping[str, Mapping[str, Any]]
    states: Mapping[str, State]
    tokenizer: Any

    @property
    def size(self) -> int:
        """Return the bytes of all weights."""
        return sum(_size_of(state) for state in self.states.values())

    @property
    def is_moving(self) -> bool:
        """The UNet was saved together with its motion module."""
        return self.configs["unet"].get("_class_name") == "UNetMotionModel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """A motion module in host memory: the settings of diffusers' MotionAdapter, and its weights."""

    config: Mapping[str, Any]
    state: State

    @property
    def size(self) -> int:
        """Return the bytes of all weights."""
        return _size_of(self.state)


def read_checkpoint(path: Path, *, configs: Path, keep: Keep) -> Checkpoint:
    """Read a model.

    Args:
        path: A diffusers folder, or a `.safetensors` in the original layout.
        configs: A folder as `SHIPPED`, for what a single file does not tell.
        keep: Puts one tensor where it stays; the one that it is given is gone afterwards.

    Raises:
        BrokenFileError: Something is missing, broken, or made for another base.
    """
    return _read_folder(path, keep) if path.is_dir() else _read_original(path, configs, keep)


def read_motion(path: Path, *, configs: Path, keep: Keep) -> Motion:
    """Read a motion module; arguments and errors are those of `read_checkpoint`."""
    if path.is_dir():
        config = _read_config(path / "config.json")
        with _Files(_weight_files(path, DIFFUSERS_STEM)) as files:
            return Motion(config=config, state=_kept(_moving(files.read()), keep))
    with _Files([path]) as files:
        state = _moving(files.read())
        config = _read_config(configs / "motion" / f"{_motion_kind(state, path)}.json")
        config = _with_length(config, state)
        return Motion(config=config, state=_kept(state, keep))


def read_part(folder: Path, *, keep: Keep) -> tuple[dict[str, Any], State]:
    """Read one part of a diffusers folder, its settings and its weights; errors are as above."""
    config = _read_config(folder / "config.json")
    with _Files(_weight_files(folder, STEMS.get(folder.name, DIFFUSERS_STEM))) as files:
        return config, _kept(_renamed(folder.name, files.read()), keep)


def _read_folder(folder: Path, keep: Keep) -> Checkpoint:
    index = _read_config(folder / "model_index.json")
    states: dict[str, State] = {}
    configs: dict[str, Mapping[str, Any]] = {}
    for part, classes in MODULES.items():
        named = (index.get(part) or [None, None])[1]
        if named not in classes:
            raise BrokenFileError(f"its {part} is a {named}, which the engine cannot use")
        config, states[part] = read_part(folder / part, keep=keep)
        configs[part] = {**config, "_class_name": named}
    configs["scheduler"] = _read_config(folder / "scheduler" / "scheduler_config.json")
    return Checkpoint(configs=configs, states=states, tokenizer=_tokenizer(folder / "tokenizer"))


def _read_original(path: Path, configs: Path, keep: Keep) -> Checkpoint:
    folder = configs / "sd15"
    settings = {part: _read_config(folder / part / "config.json") for part in MODULES}
    with _Files([path]) as files:
        _check_base(files.names)
        raw = files.read(LDM_UNET, LDM_VAE, LDM_CLIP)
        clip = {key.removeprefix(LDM_CLIP): raw[key] for key in raw if key.startswith(LDM_CLIP)}
        found: dict[str, State] = {
            "unet": convert_ldm_unet_checkpoint(raw, settings["unet"]),
            "vae": convert_ldm_vae_checkpoint(raw, settings["vae"]),
            "text_encoder": _renamed("text_encoder", clip),
        }
        states = {part: _kept(state, keep) for part, state in found.items()}
    settings["scheduler"] = _read_config(folder / "scheduler" / "scheduler_config.json")
    return Checkpoint(configs=settings, states=states, tokenizer=_tokenizer(folder / "tokenizer"))


def _check_base(names: Iterable[str]) -> None:
    names = list(names)
    for prefix, base in FOREIGN.items():
        if any(name.startswith(prefix) for name in names):
            raise BrokenFileError(f"it is {base}, and the engine takes SD 1.x")
    for prefix, part in ((LDM_UNET, "UNet"), (LDM_VAE, "VAE"), (LDM_CLIP, "text encoder")):
        if not any(name.startswith(prefix) for name in names):
            raise BrokenFileError(f"the file has no {part}")


def _renamed(part: str, state: State) -> State:
    """Bring names that older libraries wrote to those of today's."""
    if part == "text_encoder":  # transformers 5.6 took a level out of CLIPTextModel
        return {name.removeprefix("text_model."): tensor for name, tensor in state.items()}
    if part == CHECKER:  # and one out of CLIPVisionModel
        return {re.sub(r"^(vision_model\.)+", r"\1", name): state[name] for name in state}
    if part != "vae":
        return state
    renamed: dict[str, Tensor] = {}
    for name, tensor in state.items():
        new = name
        if ".attentions." in name:
            for old, today in OLD_VAE_ATTENTION.items():
                new = new.replace(old, today)
        renamed[new] = tensor
    return renamed


def _moving(state: State) -> State:
    """Bring a motion module to diffusers' names."""
    plain = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    if any(".temporal_transformer." in name for name in plain):
        plain = convert_animatediff_checkpoint_to_diffusers(plain)
    return {name: tensor for name, tensor in plain.items() if "motion_modules" in name}


def _motion_kind(state: State, path: Path) -> str:
    """Tell by its parts which generation a motion module is of.

    Only v2, and Lightning after it, have one in the middle; v3 and AnimateLCM have not.
    """
    if not state:
        raise BrokenFileError(f"{path.name} is no motion module")
    return "v2" if any(name.startswith("mid_block.") for name in state) else "v3"


def _with_length(config: Mapping[str, Any], state: State) -> Mapping[str, Any]:
    """Take the number of frames from the table of positions where there is one (v1: 24)."""
    lengths = {tensor.shape[1] for name, tensor in state.items() if name.endswith("pos_embed.pe")}
    return {**config, "motion_max_seq_length": lengths.pop()} if len(lengths) == 1 else config


def _kept(state: State, keep: Keep) -> State:
    """Keep what can be a weight; `position_ids` and counters are whole numbers."""
    return {name: keep(tensor) for name, tensor in state.items() if tensor.is_floating_point()}


def _size_of(state: State) -> int:
    return sum(tensor.nbytes for tensor in state.values())


def _tokenizer(folder: Path) -> Any:  # noqa: ANN401 - transformers' edge
    if not folder.is_dir():
        raise BrokenFileError("tokenizer/ is missing")
    return CLIPTokenizer.from_pretrained(folder, local_files_only=True)


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise BrokenFileError(f"{path.parent.name}/{path.name} cannot be read") from error
    if not isinstance(config, dict):
        raise BrokenFileError(f"{path.parent.name}/{path.name} is not a JSON object")
    return config


def _weight_files(folder: Path, stem: str) -> list[Path]:
    """Return a part's files: those that an index names, or the one, also if saved as fp16."""
    index = folder / f"{stem}.safetensors.index.json"
    if index.is_file():
        names = _read_config(index).get("weight_map", {})
        return [folder / Path(name).name for name in sorted(set(names.values()))]
    plain, half = folder / f"{stem}.safetensors", folder / f"{stem}.fp16.safetensors"
    return [half if half.is_file() and not plain.is_file() else plain]


class _Files:
    """Weight files that are open while their tensors are taken over."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = list(paths)
        self._open: list[Any] = []

    def __enter__(self) -> Self:
        for path in self._paths:
            check_weights(path, path.name)
            try:
                file: Any = safe_open(path, framework="pt")
                self._open.append(file.__enter__())
            except (SafetensorError, OSError) as error:
                self.__exit__()
                raise BrokenFileError(f"{path.name} cannot be read") from error
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._open:
            file.__exit__(None, None, None)

    @property
    def names(self) -> list[str]:
        """Return the names of all tensors."""
        return [name for file in self._open for name in file.keys()]  # noqa: SIM118 - no mapping

    def read(self, *prefixes: str) -> dict[str, Tensor]:
        """Return the tensors whose names begin so; none given: all."""
        return {
            name: file.get_tensor(name)
            for file in self._open
            for name in file.keys()  # noqa: SIM118 - no mapping
            if not prefixes or name.startswith(prefixes)
        }
