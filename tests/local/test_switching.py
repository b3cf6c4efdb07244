"""Switching models, LoRAs and embeddings on one pipeline leaves nothing behind, and moves nothing.

torch is loaded by the fixtures only: collecting these tests must stay cheap.
"""

import gc
import random
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from jobs.request import LoraUse
from providers.local.wire import RenderFiles

pytestmark = pytest.mark.filterwarnings("ignore")  # torch's own warnings


@pytest.fixture(scope="module")
def tiny() -> Any:
    from tests.local import tiny  # noqa: PLC0415 - see above

    return tiny


@pytest.fixture(scope="module")
def engine() -> Any:
    """The worker's modules."""
    from providers.local.engine import adapters, pipeline  # noqa: PLC0415 - see above

    return SimpleNamespace(adapted=adapters.adapted, Shelf=pipeline.PipelineShelf)


@pytest.fixture(scope="module")
def disk(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models `a` and `b` of one shape, `c` as one file, `wide` of another shape; and extras."""
    folder = tmp_path_factory.mktemp("models")
    tiny.write_configs(folder / "configs")
    for seed, name in enumerate(("a", "b"), 1):
        tiny.write_folder(folder / name, seed=seed)
    tiny.write_original(folder / "c.safetensors", seed=3)
    tiny.write_folder(folder / "wide", seed=4, width=32)
    for kind in ("v2", "v3"):
        tiny.write_motion_folder(folder / kind, seed=5, kind=kind)
    tiny.write_motion_folder(folder / "other-v3", seed=6)
    tiny.write_motion_folder(folder / "wide-v3", seed=7, width=32)
    tiny.write_lora(folder / "lora.safetensors", seed=8)
    tiny.save_file({"emb_params": tiny.torch.randn(2, 16)}, folder / "word.safetensors")
    return folder


@pytest.fixture
def shelf(engine: Any, disk: Path) -> Any:
    return engine.Shelf(device="cpu", configs=disk / "configs")


@pytest.fixture
def get(shelf: Any, disk: Path) -> Callable[..., Any]:
    def load(model: str, motion: str = "v3") -> Any:
        return shelf.get(RenderFiles(model=disk / model, motion=disk / motion))

    return load


def addresses(pipe: Any) -> dict[str, int]:
    return {
        f"{part}.{name}": tensor.data_ptr()
        for part in ("unet", "text_encoder", "vae")
        for name, tensor in getattr(pipe, part).state_dict().items()
    }


@pytest.mark.parametrize(
    "there",
    [("b", "v3"), ("c.safetensors", "v3"), ("a", "other-v3"), ("a", "v2"), ("wide", "wide-v3")],
)
def test_a_model_renders_the_same_frames_after_another_was_there(
    tiny: Any, get: Callable[..., Any], there: tuple[str, str]
) -> None:
    before = tiny.frames_of(get("a"))
    between = tiny.frames_of(get(*there))
    assert not tiny.torch.equal(between, before)
    assert tiny.torch.equal(tiny.frames_of(get("a")), before)


def test_what_is_swapped_in_is_what_a_fresh_pipeline_holds(
    tiny: Any, engine: Any, get: Callable[..., Any], disk: Path
) -> None:
    get("a")
    swapped = get("c.safetensors", "other-v3")
    fresh = engine.Shelf(device="cpu", configs=disk / "configs").get(
        RenderFiles(model=disk / "c.safetensors", motion=disk / "other-v3")
    )
    assert tiny.are_equal(tiny.states_of(swapped), tiny.states_of(fresh))
    assert tiny.torch.equal(tiny.frames_of(swapped), tiny.frames_of(fresh))


def test_models_of_one_shape_take_the_same_place_on_the_device(
    engine: Any, get: Callable[..., Any], disk: Path
) -> None:
    pipe = get("a")
    modules, places = (pipe.unet, pipe.vae, pipe.text_encoder), addresses(pipe)
    for model, motion in (("b", "v3"), ("c.safetensors", "other-v3"), ("a", "v3")):
        pipe = get(model, motion)
        assert (pipe.unet, pipe.vae, pipe.text_encoder) == modules
        assert addresses(pipe) == places
    files = RenderFiles(model=disk / "a", loras={"lora": disk / "lora.safetensors"})
    with engine.adapted(pipe, loras=[LoraUse(id="lora", strength=1.0)], files=files):
        assert addresses(pipe) == places
    assert addresses(pipe) == places


def test_a_motion_module_of_another_shape_replaces_the_unet_alone(get: Callable[..., Any]) -> None:
    before = get("a", "v3")
    after = get("a", "v2")
    assert after.unet is not before.unet
    assert (after.vae, after.text_encoder) == (before.vae, before.text_encoder)


def test_a_model_that_was_changed_on_disk_is_read_again(
    tiny: Any, engine: Any, disk: Path, tmp_path: Path
) -> None:
    shelf = engine.Shelf(device="cpu", configs=disk / "configs")
    files = RenderFiles(model=tmp_path / "model.safetensors", motion=disk / "v3")
    tiny.write_original(files.model, seed=1)
    before = tiny.states_of(shelf.get(files))
    tiny.write_original(files.model, seed=2, dtype=tiny.torch.float16)
    after = tiny.states_of(shelf.get(files))
    assert not tiny.are_equal(before, after)


def test_a_model_that_failed_to_load_leaves_the_one_before_as_it_was(
    tiny: Any, get: Callable[..., Any]
) -> None:
    from providers.local.engine.ticket import RenderError  # noqa: PLC0415 - see above

    before, frames = get("a"), tiny.frames_of(get("a"))
    with pytest.raises(RenderError, match="wide"):
        get("wide", "v3")
    assert get("a") is before
    assert tiny.torch.equal(tiny.frames_of(before), frames)


def test_host_memory_holds_what_the_limit_allows_and_what_is_in_use(
    engine: Any, disk: Path
) -> None:
    whole = engine.Shelf(device="cpu", configs=disk / "configs")
    files = {
        name: RenderFiles(model=disk / name, motion=disk / "v3")
        for name in ("a", "b", "c.safetensors")
    }
    whole.get(files["a"])
    one = whole._cache.size
    tight = engine.Shelf(device="cpu", configs=disk / "configs", cache_limit=0)
    roomy = engine.Shelf(device="cpu", configs=disk / "configs", cache_limit=2 * one)
    for name in ("a", "b", "c.safetensors", "a"):
        tight.get(files[name])
        roomy.get(files[name])
        assert tight._cache.size <= one
        assert one <= roomy._cache.size <= 2 * one
    whole.unload()
    assert whole._cache.size == 0


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_on_a_gpu_weights_come_from_pinned_memory_and_come_back_bit_for_bit(
    tiny: Any, engine: Any, disk: Path, name: str
) -> None:
    if not tiny.torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    dtype = getattr(tiny.torch, name)
    shelf = engine.Shelf(device="cuda:0", configs=disk / "configs", dtype=dtype)
    files = RenderFiles(
        model=disk / "a", motion=disk / "v3", loras={"lora": disk / "lora.safetensors"}
    )
    pipe = shelf.get(files)
    before, places = tiny.states_of(pipe), addresses(pipe)
    assert {each.dtype for each in before["unet"].values()} == {dtype}
    assert all(each.is_pinned() for each in pipe.pristine["vae"].values())
    with engine.adapted(pipe, loras=[LoraUse(id="lora", strength=1.0)], files=files):
        assert not tiny.are_equal(tiny.states_of(pipe), before)
    assert tiny.are_equal(tiny.states_of(pipe), before)
    shelf.get(RenderFiles(model=disk / "c.safetensors", motion=disk / "other-v3"))
    pipe = shelf.get(files)
    assert tiny.are_equal(tiny.states_of(pipe), before)
    assert addresses(pipe) == places


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_two_hundred_switches_in_any_order_hold_no_more_memory_than_the_first(
    tiny: Any, engine: Any, disk: Path
) -> None:
    shelf = engine.Shelf(device="cpu", configs=disk / "configs", cache_limit=0)
    dice = random.Random(1)  # noqa: S311 - no secret
    models = [
        ("a", "v3"),
        ("b", "v3"),
        ("c.safetensors", "other-v3"),
        ("b", "v2"),
        ("wide", "wide-v3"),
    ]

    def switch(at: int) -> None:
        model, motion = models[0] if at % 50 == 0 else dice.choice(models)
        extras = {name: disk / f"{name}.safetensors" for name in ("lora", "word")}
        is_plain = model == "wide" or dice.random() < 0.3
        files = RenderFiles(
            model=disk / model,
            motion=disk / motion,
            loras={} if is_plain else {"lora": extras["lora"]},
            embeddings={} if is_plain else {"word": extras["word"]},
        )
        loras = [LoraUse(id=name, strength=dice.random()) for name in files.loras]
        with engine.adapted(shelf.get(files), loras=loras, files=files):
            pass

    held: list[tuple[int, int]] = []
    frames: list[bytes] = []
    for at in range(201):
        switch(at)
        if at % 50 == 0:  # always the same model, so always the same memory
            held.append(_tensors_in(tiny.torch))
            files = RenderFiles(model=disk / "a", motion=disk / "v3")
            frames.append(tiny.frames_of(shelf.get(files)).numpy().tobytes())
    assert len(set(held[1:])) == 1, held
    assert len(set(frames)) == 1


def _tensors_in(torch: Any) -> tuple[int, int]:
    """Count all tensors of the process, and their bytes."""
    gc.collect()
    tensors = [item for item in gc.get_objects() if issubclass(type(item), torch.Tensor)]
    storages = {each.untyped_storage().data_ptr(): each.untyped_storage() for each in tensors}
    return len(tensors), sum(storage.nbytes() for storage in storages.values())
