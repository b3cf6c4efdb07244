"""LoRAs and textual inversions of every layout do what they say, and nothing after they are off.

torch is loaded by the fixtures only: collecting these tests must stay cheap.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from jobs.request import LoraUse, Segment
from providers.local.wire import FailureCode, RenderFiles

pytestmark = pytest.mark.filterwarnings("ignore")  # torch's own warnings

Put = Callable[..., AbstractContextManager[Mapping[str, str]]]
MODEL, MOTION = 1, 2  # seeds


@pytest.fixture(scope="module")
def tiny() -> Any:
    from tests.local import tiny  # noqa: PLC0415 - see above

    return tiny


@pytest.fixture(scope="module")
def pipe(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The pipeline as a worker holds it; every test leaves it as it was."""
    from providers.local.engine.pipeline import PipelineShelf  # noqa: PLC0415 - see above

    folder = tmp_path_factory.mktemp("model")
    tiny.write_folder(folder / "model", seed=MODEL)
    tiny.write_motion_folder(folder / "model" / "motion_adapter", seed=MOTION)
    return PipelineShelf(device="cpu").get(RenderFiles(model=folder / "model"))


@pytest.fixture
def stock(tiny: Any) -> Any:
    return tiny.stock(MODEL, motion=MOTION)


@pytest.fixture(scope="module")
def put(pipe: Any) -> Put:
    """Return a function that puts files on the pipeline: LoRAs with strengths, and embeddings."""
    from providers.local.engine.adapters import adapted  # noqa: PLC0415 - see above

    def wear(
        loras: Sequence[tuple[Path, float]] = (), words: Mapping[str, Path] | None = None
    ) -> AbstractContextManager[Mapping[str, str]]:
        uses = [LoraUse(id=path.stem, strength=strength) for path, strength in loras]
        files = RenderFiles(
            model=Path("unused"),
            loras={path.stem: path for path, _ in loras},
            embeddings=dict(words or {}),
        )
        return adapted(pipe, loras=uses, files=files)

    return wear


@pytest.fixture
def refused(put: Put) -> Callable[..., str]:
    """Return a function that says how a LoRA or a word is refused."""
    from providers.local.engine.ticket import RenderError  # noqa: PLC0415 - see above

    def refuse(lora: Path | None = None, word: Path | None = None) -> str:
        with (
            pytest.raises(RenderError) as caught,
            put([(lora, 1.0)] if lora else [], {"word": word} if word else {}),
        ):
            pass
        assert caught.value.code is FailureCode.BAD_ADAPTER
        return str(caught.value)

    return refuse


def added(tiny: Any, before: Any, after: Any) -> dict[str, Any]:
    """Return what was added to each weight that is no longer the same."""
    return {
        f"{part}.{name}": after[part][name] - tensor
        for part, state in before.items()
        for name, tensor in state.items()
        if not tiny.torch.equal(after[part][name], tensor)
    }


@pytest.mark.parametrize("layout", ["kohya", "peft", "dotted", "processors"])
def test_every_layout_of_a_lora_adds_strength_alpha_over_rank_up_down(
    tiny: Any, pipe: Any, put: Put, tmp_path: Path, layout: str
) -> None:
    deltas = tiny.write_lora(tmp_path / "lora.safetensors", seed=3, layout=layout)
    expected = {
        f"{part}.{name}": 0.5 * delta for part in deltas for name, delta in deltas[part].items()
    }
    before = tiny.states_of(pipe)
    with put([(tmp_path / "lora.safetensors", 0.5)]):
        found = added(tiny, before, tiny.states_of(pipe))
    assert found.keys() == expected.keys()
    assert all(tiny.torch.allclose(found[name], expected[name], atol=1e-6) for name in found)
    assert tiny.are_equal(tiny.states_of(pipe), before)


@pytest.mark.parametrize("layout", ["kohya", "peft"])
def test_a_lora_renders_what_it_renders_in_diffusers(
    tiny: Any, pipe: Any, stock: Any, put: Put, tmp_path: Path, layout: str
) -> None:
    path = tmp_path / "lora.safetensors"
    tiny.write_lora(path, seed=3, layout=layout)
    plain = tiny.frames_of(stock)
    stock.load_lora_weights(tmp_path, weight_name=path.name)
    with put([(path, 1.0)]):
        ours = tiny.frames_of(pipe)
    assert tiny.torch.allclose(ours, tiny.frames_of(stock), atol=1e-5)
    assert not tiny.torch.allclose(ours, plain, atol=1e-3)
    assert tiny.torch.equal(tiny.frames_of(pipe), plain)


def test_at_strength_zero_a_lora_is_as_none_bit_for_bit(
    tiny: Any, pipe: Any, stock: Any, put: Put, tmp_path: Path
) -> None:
    path = tmp_path / "lora.safetensors"
    tiny.write_lora(path, seed=3)
    with put([(path, 0.0)]):
        assert tiny.torch.equal(tiny.frames_of(pipe), tiny.frames_of(stock))


def test_five_loras_add_up_whatever_their_layout(
    tiny: Any, pipe: Any, put: Put, tmp_path: Path
) -> None:
    name = f"{tiny.LORA['unet'][0]}.weight"
    total = tiny.torch.zeros_like(pipe.unet.get_parameter(name))
    loras: list[tuple[Path, float]] = []
    for at, layout in enumerate(("kohya", "peft", "dotted", "processors", "kohya"), 1):
        path, strength = tmp_path / f"lora{at}.safetensors", at / 5
        total += strength * tiny.write_lora(path, seed=at, layout=layout)["unet"][name]
        loras.append((path, strength))
    before = tiny.states_of(pipe)
    with put(loras):
        found = added(tiny, before, tiny.states_of(pipe))
    assert tiny.torch.allclose(found[f"unet.{name}"], total, atol=1e-5)
    assert tiny.are_equal(tiny.states_of(pipe), before)


def test_alphas_that_peft_keeps_in_its_notes_count(
    tiny: Any, pipe: Any, put: Put, tmp_path: Path
) -> None:
    path = tmp_path / "lora.safetensors"
    deltas = tiny.write_lora(path, seed=3, layout="peft")["unet"]
    special = tiny.LORA["unet"][1]
    notes = {"unet.lora_alpha": 6, "unet.alpha_pattern": {special: 4}}
    tiny.save_file(
        tiny.load_file(path), path, metadata={"lora_adapter_metadata": json.dumps(notes)}
    )
    before = tiny.states_of(pipe)
    with put([(path, 1.0)]):
        found = added(tiny, before, tiny.states_of(pipe))
    for name, delta in deltas.items():
        scale = (4 if name == f"{special}.weight" else 6) / tiny.RANK
        assert tiny.torch.allclose(found[f"unet.{name}"], scale * delta, atol=1e-5)


def test_the_core_of_a_convolution_may_stand_alone(
    tiny: Any, pipe: Any, put: Put, tmp_path: Path
) -> None:
    torch, name = tiny.torch, "mid_block.resnets.0.conv1"
    weight = pipe.unet.get_submodule(name).weight
    up = torch.nn.Conv2d(3, weight.shape[0], 1, bias=False)
    mid = torch.nn.Conv2d(3, 3, 3, padding=1, bias=False)
    down = torch.nn.Conv2d(weight.shape[1], 3, 1, bias=False)
    place = f"lora_unet_{name.replace('.', '_')}"
    parts = {"down": down, "mid": mid, "up": up}
    state = {f"{place}.lora_{part}.weight": each.weight.detach() for part, each in parts.items()}
    tiny.save_file(state, tmp_path / "locon.safetensors")
    before = weight.detach().clone()
    with put([(tmp_path / "locon.safetensors", 1.0)]):
        delta = weight.detach() - before
    picture = torch.randn(1, weight.shape[1], 8, 8)
    expected = up(mid(down(picture)))
    assert torch.allclose(
        torch.nn.functional.conv2d(picture, delta, padding=1), expected, atol=1e-5
    )


def test_a_lora_that_is_not_for_this_model_is_refused_and_changes_nothing(
    tiny: Any, pipe: Any, refused: Callable[..., str], tmp_path: Path
) -> None:
    torch, before = tiny.torch, tiny.states_of(pipe)
    path = tmp_path / "lora.safetensors"
    tiny.write_lora(path, seed=3)
    fitting = tiny.load_file(path)

    def with_tensors(state: Mapping[str, Any]) -> str:
        tiny.save_file(dict(state), path)
        return refused(lora=path)

    wide = {name: torch.zeros(2, 768) for name in fitting if name.endswith("lora_down.weight")}
    assert "another shape" in with_tensors({**fitting, **wide})
    assert "half of a layer" in with_tensors(
        {name: each for name, each in fitting.items() if "lora_up" not in name}
    )
    foreign = {f"lora_unet_elsewhere_{at}.lora_down.weight": torch.zeros(2, 2) for at in range(9)}
    assert "7 of its 16 layers are in this model" in with_tensors({**fitting, **foreign})
    assert "no layer of it is" in with_tensors(foreign)
    assert "no layer of it is" in with_tensors({"conv_in.weight": torch.zeros(4)})
    assert "a DoRA" in with_tensors({**fitting, "lora_unet_conv_in.dora_scale": torch.zeros(2)})
    assert "a LoHa" in with_tensors({"lora_unet_conv_in.hada_w1_a": torch.zeros(2)})
    path.write_bytes(path.read_bytes()[:-1])
    assert "truncated" in refused(lora=path)
    path.unlink()
    assert "missing" in refused(lora=path)
    assert tiny.are_equal(tiny.states_of(pipe), before)


@pytest.mark.parametrize("key", ["<swirl>", "emb_params", "string_to_param.*", "clip_l"])
@pytest.mark.parametrize("vectors", [1, 3])
def test_every_layout_of_a_textual_inversion_reads_as_in_diffusers(
    tiny: Any, pipe: Any, stock: Any, put: Put, tmp_path: Path, *, key: str, vectors: int
) -> None:
    from providers.local.engine.prompt import PromptEncoder  # noqa: PLC0415 - it loads torch

    torch, path = tiny.torch, tmp_path / "word.safetensors"
    tensor = torch.randn(vectors, 16)
    tiny.save_file({key: tensor}, path)
    stock.load_textual_inversion({"<swirl>": tensor}, token="<swirl>")
    expected, negative = stock.encode_prompt(
        "a <swirl> ball", "cpu", 1, do_classifier_free_guidance=True, negative_prompt="<swirl>"
    )
    before = pipe.tokenizer, pipe.text_encoder.get_input_embeddings().weight
    with put(words={"swirl": path}) as tokens:
        assert tokens == {"swirl": "<swirl>"}
        ours = PromptEncoder(pipe, clip_skip=1).encode(
            [Segment(prompt="a <swirl> ball", frames=8)], "<swirl>", frames=8, is_loop=False
        )
    assert torch.equal(ours[0][0], expected[0])
    assert torch.equal(ours[1][0], negative[0])
    assert (pipe.tokenizer, pipe.text_encoder.get_input_embeddings().weight) == before
    assert "<swirl>" not in pipe.tokenizer.get_vocab()


def test_a_prompt_reads_as_in_diffusers_where_no_layer_is_skipped(
    tiny: Any, pipe: Any, stock: Any
) -> None:
    from providers.local.engine.prompt import PromptEncoder  # noqa: PLC0415 - it loads torch

    expected, negative = stock.encode_prompt(
        "a red ball", "cpu", 1, do_classifier_free_guidance=True, negative_prompt="blur"
    )
    ours = PromptEncoder(pipe, clip_skip=1).encode(
        [Segment(prompt="a red ball", frames=8)], "blur", frames=8, is_loop=False
    )
    assert tiny.torch.equal(ours[0][0], expected[0])
    assert tiny.torch.equal(ours[1][0], negative[0])


def test_words_and_loras_go_together_and_leave_the_frames_as_they_were(
    tiny: Any, pipe: Any, put: Put, tmp_path: Path
) -> None:
    lora = tmp_path / "lora.safetensors"
    tiny.write_lora(lora, seed=3)
    words = {name: tmp_path / f"{name}.safetensors" for name in ("one", "two")}
    for path in words.values():
        tiny.save_file({"emb_params": tiny.torch.randn(2, 16)}, path)
    before = tiny.frames_of(pipe)
    with put([(lora, 0.7)], words) as tokens:
        assert list(tokens.values()) == ["<one>", "<two>"]
        between = tiny.frames_of(pipe, "a <one> and a <two>")
    assert not tiny.torch.allclose(between, before, atol=1e-3)
    assert tiny.torch.equal(tiny.frames_of(pipe), before)


def test_what_breaks_off_in_the_middle_leaves_nothing_behind(
    tiny: Any, pipe: Any, put: Put, tmp_path: Path
) -> None:
    lora, word = tmp_path / "lora.safetensors", tmp_path / "word.safetensors"
    tiny.write_lora(lora, seed=3)
    tiny.save_file({"emb_params": tiny.torch.randn(2, 16)}, word)
    before, tokenizer = tiny.states_of(pipe), pipe.tokenizer
    with pytest.raises(KeyboardInterrupt), put([(lora, 1.0)], {"word": word}):
        raise KeyboardInterrupt
    assert tiny.are_equal(tiny.states_of(pipe), before)
    assert pipe.tokenizer is tokenizer


@pytest.mark.parametrize(
    ("shapes", "reason"),
    [
        ({"emb_params": (2, 768)}, "768 wide"),
        ({"clip_l": (2, 16), "clip_g": (2, 32)}, "SDXL"),
        ({"emb_params": (76, 16)}, "76 vectors"),
        ({"emb_params": (0, 16)}, "0 vectors"),
        ({"emb_params": (1, 2, 16)}, "no textual inversion"),
        ({"one": (2, 16), "two": (2, 16)}, "no textual inversion"),
    ],
)
def test_a_textual_inversion_that_does_not_fit_is_refused(
    tiny: Any,
    pipe: Any,
    refused: Callable[..., str],
    tmp_path: Path,
    shapes: Mapping[str, tuple[int, ...]],
    reason: str,
) -> None:
    path = tmp_path / "word.safetensors"
    before = tiny.states_of(pipe)
    tiny.save_file({name: tiny.torch.zeros(shape) for name, shape in shapes.items()}, path)
    assert reason in refused(word=path)
    assert tiny.are_equal(tiny.states_of(pipe), before)
