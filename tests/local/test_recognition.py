"""What a file is shows in the names and shapes of its tensors; what does not fit is refused."""

import json
from pathlib import Path

import pytest

from providers.local.library.families import Family, Found, MotionKind
from providers.local.library.headers import Header, read_header
from providers.local.library.recognition import recognise
from providers.local.library.weights import BrokenFileError
from tests.local.weightless import CROSS, TEXT, UNET, Shapes, checkpoint, lora, motion, write


def found(shapes: Shapes, name: str = "a.safetensors", **metadata: str) -> Found:
    return recognise(Header(shapes=shapes, metadata=metadata), name)


def fault_of(shapes: Shapes, name: str = "a.safetensors") -> str:
    with pytest.raises(BrokenFileError) as caught:
        found(shapes, name)
    return str(caught.value).removeprefix("a.safetensors ")


def test_a_whole_checkpoint_is_recognised(tmp_path: Path) -> None:
    path = write(tmp_path / "toon.safetensors", checkpoint(), {"modelspec.title": "Toon\nv2"})
    what = recognise(read_header(path, path.name), path.name)
    assert (what.family, what.layout, what.width) == (Family.CHECKPOINT, "original layout", 768)
    assert (what.parts, what.title) == (("UNet", "VAE", "text encoder"), "Toon v2")


def test_averages_of_the_training_do_no_harm() -> None:
    shapes = checkpoint() | {"model_ema.decay": (1,), "v_pred": (0,)}
    assert "averages" in found(shapes).notes[0]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({CROSS: (320, 1024)}, "was made for Stable Diffusion 2, not for Stable Diffusion 1.5"),
        ({CROSS: (640, 2048)}, "was made for Stable Diffusion XL, not for Stable Diffusion 1.5"),
        ({"conditioner.embedders.0.x": (1,)}, "was made for Stable Diffusion XL, not for"),
        ({"cond_stage_model.model.x": (1,)}, "was made for Stable Diffusion 2, not for"),
        ({f"{UNET}.joint_blocks.0.x": (1,)}, "was made for Stable Diffusion 3, not for"),
        ({f"{UNET}.input_blocks.0.0.weight": (320, 9, 3, 3)}, "is an inpainting model"),
        ({f"{UNET}.rest": (1000,)}, "is no whole checkpoint: its UNet has 0.3 M parameters"),
        ({"first_stage_model.decoder.rest": (5,)}, "is no whole checkpoint: its VAE has 69"),
    ],
)
def test_a_checkpoint_of_another_base_or_half_a_one_is_refused(
    change: dict[str, tuple[int, ...]], fault: str
) -> None:
    assert fault_of(checkpoint(**change)).startswith(fault)


def test_a_checkpoint_that_lacks_a_part_says_which() -> None:
    shapes = {
        name: shape
        for name, shape in checkpoint().items()
        if not name.startswith(("first_stage_model", TEXT))
    }
    assert fault_of(shapes) == "lacks its VAE and its text encoder"


@pytest.mark.parametrize("is_original", [True, False])
@pytest.mark.parametrize(
    ("name", "has_middle", "kind"),
    [
        ("mm_sd_v15_v2.safetensors", True, MotionKind.V2),
        ("v3_sd15_mm.safetensors", False, MotionKind.V3),
        ("AnimateLCM_sd15_t2v.safetensors", False, MotionKind.LCM),
        ("animatediff_lightning_4step_comfyui.safetensors", True, MotionKind.LIGHTNING),
    ],
)
def test_motion_modules_are_recognised(
    *, name: str, has_middle: bool, kind: MotionKind, is_original: bool
) -> None:
    what = found(motion(has_middle=has_middle, is_original=is_original), name)
    assert (what.family, what.motion) == (Family.MOTION, kind)
    assert what.layout == ("original layout" if is_original else "diffusers layout")


def test_a_motion_module_as_a_trainer_on_several_devices_saves_it_is_recognised() -> None:
    shapes = {f"module.{name}": shape for name, shape in motion(has_middle=True).items()}
    assert found(shapes).motion is MotionKind.V2


def test_a_motion_module_of_another_age_or_base_is_refused() -> None:
    assert "for 24 frames (v1)" in fault_of(motion(has_middle=False, frames=24))
    shapes = {
        name: shape
        for name, shape in motion(has_middle=False).items()
        if not name.startswith("down_blocks.3.")
    }
    assert "for Stable Diffusion XL" in fault_of(shapes)
    cut = motion(has_middle=True) | {"up_blocks.0.motion_modules.0.rest": (1,)}
    assert "is no whole motion module" in fault_of(cut)


@pytest.mark.parametrize("style", ["kohya", "diffusers"])
def test_loras_are_recognised(style: str) -> None:
    what = found(lora(style=style))
    assert (what.family, what.layout, what.width) == (Family.LORA, f"{style} layout", 768)
    assert what.parts == (("UNet", "text encoder") if style == "kohya" else ("UNet",))


def test_a_lora_of_older_diffusers_and_a_motion_lora_are_recognised() -> None:
    old = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.processor.to_k_lora"
    assert found({f"{old}.down.weight": (4, 768), f"{old}.up.weight": (320, 4)}).width == 768
    place = "unet.down_blocks.0.motion_modules.0.transformer_blocks.0.attn1.to_q"
    what = found({f"{place}.lora_A.weight": (4, 320), f"{place}.lora_B.weight": (320, 4)})
    assert what.parts == ("UNet", "motion")


@pytest.mark.parametrize(
    ("shapes", "fault"),
    [
        ({"lora_te2_x.lora_down.weight": (4, 8), "lora_te2_x.lora_up.weight": (8, 4)}, "XL"),
        (
            {
                "transformer.single_blocks.0.lora_A.weight": (4, 8),
                "transformer.single_blocks.0.lora_B.weight": (8, 4),
            },
            "is a LoRA of another family",
        ),
        ({"lora_unet_mid_block_x.lora_down.weight": (4, 8)}, "half of some pair is missing"),
        ({"lora_unet_mid_block_x.hada_w1_a": (4, 8)}, "is a LyCORIS or DoRA file"),
        ({"lora_unet_mid_block_x.dora_scale": (4,)}, "is a LyCORIS or DoRA file"),
    ],
)
def test_a_lora_of_another_kind_is_refused(shapes: Shapes, fault: str) -> None:
    assert fault in fault_of(shapes)


def test_a_lora_for_few_steps_is_known_by_its_name() -> None:
    assert found(lora(), "pytorch_lora_weights_lcm.safetensors").is_lcm
    assert not found(lora()).is_lcm


@pytest.mark.parametrize(
    ("shapes", "layout", "vectors"),
    [
        ({"emb_params": (4, 768)}, "A1111 layout", 4),
        ({"string_to_param.*": (2, 768)}, "A1111 layout", 2),
        ({"<dusk>": (768,)}, "diffusers layout", 1),
        ({"dusk": (3, 768)}, "diffusers layout", 3),
    ],
)
def test_the_layouts_of_embeddings_are_recognised(
    shapes: Shapes, layout: str, vectors: int
) -> None:
    what = found(shapes)
    assert (what.family, what.layout) == (Family.EMBEDDING, layout)
    assert (what.vectors, what.width) == (vectors, 768)


@pytest.mark.parametrize(
    ("shapes", "fault"),
    [
        ({"clip_l": (4, 768), "clip_g": (4, 1280)}, "was made for Stable Diffusion XL"),
        ({"a": (4, 768), "b": (4, 768)}, "is no checkpoint, motion module, LoRA or embedding"),
        ({"emb_params": (1, 2, 3)}, "is no checkpoint, motion module, LoRA or embedding"),
        ({"emb_params": (0, 768)}, "is no checkpoint, motion module, LoRA or embedding"),
        ({"control_model.x": (1,)}, "is a ControlNet"),
        ({"conv_in.weight": (1,), "down_blocks.0.resnets.0.x": (1,)}, "is a UNet alone"),
        ({"encoder.x": (1,), "decoder.x": (1,)}, "is a VAE alone"),
        ({"text_model.x": (1,)}, "is a text encoder alone"),
        ({"double_blocks.0.x": (1,)}, "was made for Flux"),
    ],
)
def test_other_files_are_named_for_what_they_are(shapes: Shapes, fault: str) -> None:
    assert fault_of(shapes).startswith(fault)


def test_the_authors_trigger_words_come_first() -> None:
    tags = json.dumps({"10_toon": {"toon style": 20, "tree": 3}})
    told = {"modelspec.trigger_phrase": "toon, bold\nlines,,", "ss_tag_frequency": tags}
    assert found(lora(), **told).trigger_words == ("toon", "bold lines")
    assert found(lora(), ss_tag_frequency=tags).trigger_words == ("toon style",)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 1}', '{"a": {"b": "c"}}', "[" * 9999])
def test_odd_tag_frequencies_give_no_trigger_words(text: str) -> None:
    assert found(lora(), ss_tag_frequency=text).trigger_words == ()
