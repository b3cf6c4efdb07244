"""Whole models of a few kilobytes with random weights, in every layout that the engine reads.

The original layouts are written by mapping names back, by a table of our own: what reads them
must not be proved by what it uses itself. Importing this module loads torch.
"""

import json
import shutil
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from diffusers.pipelines.stable_diffusion.safety_checker import (
    StableDiffusionSafetyChecker as SafetyChecker,
)
from diffusers.utils.logging import disable_progress_bar as quiet_diffusers
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import CLIPConfig, CLIPTextConfig, CLIPTextModel, CLIPTokenizer
from transformers.utils.logging import disable_progress_bar as quiet_transformers

from tests.local.videos import SHAPES

State = dict[str, Tensor]
DIFFUSERS: Any = import_module("diffusers")  # its classes' arguments come from tables below

torch.set_num_threads(1)
quiet_diffusers()
quiet_transformers()

UNET = {
    "sample_size": 8,
    "block_out_channels": [16, 32],
    "layers_per_block": 1,
    "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
    "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
    "cross_attention_dim": 16,
    "attention_head_dim": 2,
    "norm_num_groups": 4,
}
VAE = {
    "block_out_channels": [8, 8, 8, 8],
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "norm_num_groups": 4,
    "latent_channels": 4,
    "layers_per_block": 1,
    "scaling_factor": 0.5,
}
CLIP: dict[str, Any] = {
    "vocab_size": 1473,  # of the embedded model's tokenizer, which is lent
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "bos_token_id": 1471,
    "eos_token_id": 1472,
}
MOTION = {
    "block_out_channels": [16, 32],
    "motion_layers_per_block": 1,
    "motion_num_attention_heads": 2,
    "motion_norm_num_groups": 4,
    "motion_max_seq_length": 32,
}
LORA = {  # layers that a LoRA is for: linear ones, convolutions, and those of the text encoder
    "unet": (
        "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k",
        "down_blocks.0.attentions.0.proj_in",
        "mid_block.resnets.0.conv1",
        "up_blocks.1.attentions.0.transformer_blocks.0.attn1.to_out.0",
    ),
    "text_encoder": (
        "encoder.layers.0.self_attn.q_proj",
        "encoder.layers.0.self_attn.out_proj",
        "encoder.layers.1.mlp.fc1",
    ),
}
EYE: dict[str, Any] = {
    "projection_dim": 8,
    "vision_config": {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 32,
        "patch_size": 8,
    },
    "text_config": {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2},
}
ALWAYS, NEVER = -2.0, 2.0  # what a cosine is always above, and never
RANK, ALPHA = 2, 1.5
KINDS = {"v2": True, "v3": False}  # has it a module in the middle


def write_configs(folder: Path) -> Path:
    """Write what single files do not tell, laid out as the settings that ship with Flipbook."""
    for part, module in _modules(0, width=16).items():
        own = module.config if part == "text_encoder" else module
        (own.save_pretrained if part == "text_encoder" else own.save_config)(folder / "sd15" / part)
    for part in ("tokenizer", "scheduler"):
        shutil.copytree(SHAPES / part, folder / "sd15" / part)
    (folder / "motion").mkdir()
    for kind, has_middle in KINDS.items():
        text = json.dumps({**MOTION, "use_motion_mid_block": has_middle})
        (folder / "motion" / f"{kind}.json").write_text(text)
    return folder


def write_checker(folder: Path, *, likes: Mapping[int, Tensor] | None = None) -> Path:
    """Write a safety checker of random weights, as diffusers does.

    Args:
        folder: A model's; it becomes `safety_checker/` and `feature_extractor/` in there.
        likes: Concepts by their number: what is closer to one than its last number is flagged.
            None flags everything, nothing in it flags nothing.
    """
    torch.manual_seed(3)
    checker: Any = SafetyChecker(CLIPConfig(**EYE))
    with torch.no_grad():
        checker.concept_embeds_weights.fill_(NEVER if likes is not None else ALWAYS)
        checker.special_care_embeds_weights.fill_(NEVER)
        for number, concept in (likes or {}).items():
            checker.concept_embeds[number] = concept[:-1]
            checker.concept_embeds_weights[number] = concept[-1]
    checker.save_pretrained(folder / "safety_checker")
    (folder / "feature_extractor").mkdir(exist_ok=True)
    processor = {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.3, 0.2, 0.1]}
    (folder / "feature_extractor" / "preprocessor_config.json").write_text(json.dumps(processor))
    return folder / "safety_checker"


def write_folder(folder: Path, *, seed: int, width: int = 16, dtype: Any = torch.float32) -> Path:
    """Write a diffusers folder without a motion module."""
    for part, module in _modules(seed, width=width).items():
        module.to(dtype).save_pretrained(folder / part)
    for part in ("tokenizer", "scheduler"):
        shutil.copytree(SHAPES / part, folder / part)
    shutil.copy(SHAPES / "model_index.json", folder)
    return folder


def write_motion_folder(folder: Path, *, seed: int, kind: str = "v3", width: int = 16) -> Path:
    """Write a motion module as diffusers does."""
    _adapter(seed, kind, width).save_pretrained(folder)
    return folder


def write_original(path: Path, *, seed: int, dtype: Any = torch.float32) -> Path:
    """Write the model of that seed in the original layout, with what such files also hold."""
    modules = _modules(seed, width=16)
    state = {
        **_prefixed("model.diffusion_model.", _ldm_unet(modules["unet"].state_dict())),
        **_prefixed("first_stage_model.", _ldm_vae(modules["vae"].state_dict())),
        **_prefixed(
            "cond_stage_model.transformer.text_model.", modules["text_encoder"].state_dict()
        ),
    }
    state = {name: tensor.to(dtype).contiguous() for name, tensor in state.items()}
    state |= {
        f"model_ema.{name.removeprefix('model.').replace('.', '')}": torch.zeros(2)
        for name in list(state)
        if name.startswith("model.diffusion_model.")
    }
    state["alphas_cumprod"] = torch.ones(10)
    place = "cond_stage_model.transformer.text_model.embeddings.position_ids"
    state[place] = torch.arange(77)[None]
    save_file(state, path)
    return path


def write_original_motion(path: Path, *, seed: int, kind: str = "v3") -> Path:
    """Write the motion module of that seed as the authors of AnimateDiff do."""
    state: State = {}
    for name, tensor in _adapter(seed, kind, 16).state_dict().items():
        new = name.replace(".transformer_blocks.", ".temporal_transformer.transformer_blocks.")
        for part in ("norm.", "proj_in.", "proj_out."):
            inner = f"motion_modules.0.temporal_transformer.{part}"
            new = new.replace(f"motion_modules.0.{part}", inner)
        for old, original in (
            (".pos_embed.pe", ".attention_blocks.0.pos_encoder.pe"),
            (".attn1.", ".attention_blocks.0."),
            (".attn2.", ".attention_blocks.1."),
            (".norm1.", ".norms.0."),
            (".norm2.", ".norms.1."),
            (".norm3.", ".ff_norm."),
        ):
            new = new.replace(old, original)
        state[new] = tensor.contiguous()
    save_file(state, path)
    return path


def write_motion_file(path: Path, *, seed: int, kind: str = "v3") -> Path:
    """Write the motion module of that seed as one file in diffusers' names."""
    save_file(_adapter(seed, kind, 16).state_dict(), path)
    return path


def write_lora(path: Path, *, seed: int, layout: str = "kohya") -> dict[str, State]:
    """Write a LoRA in the way of one trainer; return by part what it adds at strength 1."""
    modules = _modules(seed, width=16)
    state: State = {}
    deltas: dict[str, State] = {}
    for part, names in LORA.items():
        for name in names:
            shape = modules[part].get_submodule(name).weight.shape
            down = torch.randn(RANK, *shape[1:]) / 4
            up = torch.randn(shape[0], RANK, *(1 for _ in shape[2:])) / 4
            state |= _written(layout, part, name, (down, up))
            scale = 1 if layout in ("peft", "processors") else ALPHA / RANK
            delta = (up.flatten(1) @ down.flatten(1)).reshape(shape) * scale
            deltas.setdefault(part, {})[f"{name}.weight"] = delta
    save_file(state, path)
    return deltas


def _written(layout: str, part: str, name: str, pair: tuple[Tensor, Tensor]) -> State:
    inner = f"text_model.{name}" if part == "text_encoder" else name
    if layout == "kohya":  # kohya-ss/sd-scripts
        short = {"unet": "lora_unet_", "text_encoder": "lora_te_"}[part]
        place, ends = short + inner.replace(".", "_"), (".lora_down.weight", ".lora_up.weight")
    elif layout == "peft":
        place, ends = f"{part}.{name}", (".lora_A.weight", ".lora_B.weight")
    elif layout == "dotted":  # diffusers since 0.22
        place, ends = f"{part}.{inner}", (".lora.down.weight", ".lora.up.weight")
        if part == "text_encoder":
            ends = (".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight")
    else:  # diffusers before: by attention processor, and `to_out` without its number
        place, ends = f"{part}.{inner}", ("_lora.down.weight", "_lora.up.weight")
        place = place.replace("attn2.", "attn2.processor.").replace("attn1.", "attn1.processor.")
        place = place.replace("to_out.0", "to_out")
    alpha = {} if layout in ("peft", "processors") else {f"{place}.alpha": torch.tensor(ALPHA)}
    return {place + end: tensor for end, tensor in zip(ends, pair, strict=True)} | alpha


def stock(seed: int, *, motion: int, kind: str = "v3", width: int = 16) -> Any:
    """Return diffusers' own pipeline with the weights of these seeds."""
    pipe = DIFFUSERS.AnimateDiffPipeline(
        **_modules(seed, width=width),
        tokenizer=CLIPTokenizer.from_pretrained(SHAPES / "tokenizer"),
        scheduler=DIFFUSERS.DDIMScheduler.from_pretrained(SHAPES / "scheduler"),
        motion_adapter=_adapter(motion, kind, width),
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def states_of(pipe: Any) -> dict[str, State]:
    """Return copies of all weights of a pipeline."""
    return {
        part: {name: tensor.clone() for name, tensor in getattr(pipe, part).state_dict().items()}
        for part in ("unet", "text_encoder", "vae")
    }


def are_equal(one: Mapping[str, State], other: Mapping[str, State]) -> bool:
    """Tell whether all weights are the same, bit for bit."""
    return one.keys() == other.keys() and all(
        one[part].keys() == other[part].keys()
        and all(torch.equal(tensor, other[part][name]) for name, tensor in one[part].items())
        for part in one
    )


def frames_of(pipe: Any, prompt: str = "a red ball") -> Tensor:
    """Render 16 frames in two steps with whatever the pipeline is now."""
    with torch.inference_mode():
        return torch.from_numpy(
            pipe(
                prompt,
                negative_prompt="blur",
                num_frames=16,
                width=64,
                height=64,
                num_inference_steps=2,
                generator=torch.Generator().manual_seed(1),
                output_type="np",
            ).frames
        )


def _modules(seed: int, *, width: int) -> dict[str, Any]:
    torch.manual_seed(seed)
    wide = {"block_out_channels": [width, 2 * width]}
    modules: dict[str, Any] = {
        "unet": DIFFUSERS.UNet2DConditionModel(**{**UNET, **wide}),
        "text_encoder": CLIPTextModel(CLIPTextConfig(**CLIP)),
        "vae": DIFFUSERS.AutoencoderKL(**VAE),
    }
    return {part: module.eval() for part, module in modules.items()}


def _adapter(seed: int, kind: str, width: int) -> Any:
    torch.manual_seed(seed)
    wide = {"block_out_channels": [width, 2 * width]}
    return DIFFUSERS.MotionAdapter(**{**MOTION, **wide}, use_motion_mid_block=KINDS[kind]).eval()


def _prefixed(prefix: str, state: State) -> State:
    return {prefix + name: tensor for name, tensor in state.items()}


def _renamed(name: str, *pairs: tuple[str, str]) -> str:
    for old, new in pairs:
        name = name.replace(old, new)
    return name


def _ldm_unet(state: State) -> State:
    """Name a UNet of two blocks with one layer each as the original code does."""
    blocks = (
        ("time_embedding.linear_1.", "time_embed.0."),
        ("time_embedding.linear_2.", "time_embed.2."),
        ("conv_in.", "input_blocks.0.0."),
        ("conv_norm_out.", "out.0."),
        ("conv_out.", "out.2."),
        ("down_blocks.0.resnets.0.", "input_blocks.1.0."),
        ("down_blocks.0.attentions.0.", "input_blocks.1.1."),
        ("down_blocks.0.downsamplers.0.conv.", "input_blocks.2.0.op."),
        ("down_blocks.1.resnets.0.", "input_blocks.3.0."),
        ("mid_block.resnets.0.", "middle_block.0."),
        ("mid_block.attentions.0.", "middle_block.1."),
        ("mid_block.resnets.1.", "middle_block.2."),
        ("up_blocks.0.resnets.0.", "output_blocks.0.0."),
        ("up_blocks.0.resnets.1.", "output_blocks.1.0."),
        ("up_blocks.0.upsamplers.0.conv.", "output_blocks.1.1.conv."),
        ("up_blocks.1.resnets.0.", "output_blocks.2.0."),
        ("up_blocks.1.attentions.0.", "output_blocks.2.1."),
        ("up_blocks.1.resnets.1.", "output_blocks.3.0."),
        ("up_blocks.1.attentions.1.", "output_blocks.3.1."),
    )
    layers = (  # inside a residual block
        (".norm1.", ".in_layers.0."),
        (".conv1.", ".in_layers.2."),
        (".time_emb_proj.", ".emb_layers.1."),
        (".norm2.", ".out_layers.0."),
        (".conv2.", ".out_layers.3."),
        (".conv_shortcut.", ".skip_connection."),
    )
    return {
        _renamed(name, *blocks, *(layers if ".resnets." in name else ())): tensor
        for name, tensor in state.items()
    }


def _ldm_vae(state: State) -> State:
    named: State = {}
    for name, tensor in state.items():
        new = _renamed(
            name,
            ("conv_norm_out.", "norm_out."),
            ("conv_shortcut.", "nin_shortcut."),
            ("mid_block.resnets.0.", "mid.block_1."),
            ("mid_block.resnets.1.", "mid.block_2."),
            ("mid_block.attentions.0.", "mid.attn_1."),
            ("group_norm.", "norm."),
            ("to_q.", "q."),
            ("to_k.", "k."),
            ("to_v.", "v."),
            ("to_out.0.", "proj_out."),
            (".resnets.", ".block."),
            ("downsamplers.0.", "downsample."),
            ("upsamplers.0.", "upsample."),
            ("down_blocks.", "down."),
            *((f"up_blocks.{at}.", f"up.{3 - at}.") for at in range(4)),
        )
        is_attention = "attn_1" in new and "norm" not in new and new.endswith(".weight")
        named[new] = tensor[:, :, None, None] if is_attention else tensor
    return named


def rewrite(path: Path, renames: Mapping[str, str | None]) -> None:
    """Replace parts of the names of a file's tensors; None leaves those tensors out."""
    state: State = {}
    for name, tensor in load_file(path).items():
        old = next((old for old in renames if old in name), None)
        new = name if old is None else renames[old]
        if new is not None:
            state[name if old is None else name.replace(old, new)] = tensor
    save_file(state, path)


def split(path: Path) -> None:
    """Divide a file in two, with an index beside them."""
    state = load_file(path)
    halves = [path.with_name(f"{path.stem}-0000{at}-of-00002.safetensors") for at in (1, 2)]
    place = {name: halves[at % 2] for at, name in enumerate(state)}
    for half in halves:
        save_file({name: state[name] for name in state if place[name] == half}, half)
    index = {"metadata": {}, "weight_map": {name: file.name for name, file in place.items()}}
    path.with_name(f"{path.name}.index.json").write_text(json.dumps(index))
    path.unlink()
