"""What a model's safety checker flags is drawn for nobody; torch is loaded by the fixtures only."""

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from providers.local.engine.ticket import RenderError, StoppedError, Ticket
from providers.local.wire import Advanced, FailureCode, RenderFiles, RenderOrder, Stage
from tests.factories import make_request
from tests.local.conftest import Place
from tests.local.videos import SHAPES

pytestmark = pytest.mark.filterwarnings("ignore")  # torch's own warnings

RED, BLUE = (230, 20, 20), (20, 20, 230)
Frames = NDArray[np.uint8]


@pytest.fixture(scope="module")
def parts() -> Any:
    """The worker's modules, and models that are written for them."""
    import torch  # noqa: PLC0415
    from transformers import CLIPImageProcessor  # noqa: PLC0415

    from providers.local.engine import safety, studio  # noqa: PLC0415
    from tests.local import tiny  # noqa: PLC0415

    torch.set_num_threads(1)
    own = {"safety": safety, "studio": studio, "tiny": tiny, "processor": CLIPImageProcessor}
    return SimpleNamespace(torch=torch, **own)


@pytest.fixture
def guard(parts: Any, place: Place) -> Any:
    dtype = getattr(parts.torch, place.dtype)
    return parts.safety.Guard(device=parts.torch.device(place.device), dtype=dtype)


def clip(*colours: tuple[int, int, int], height: int = 48, width: int = 48) -> Frames:
    """Return a clip of frames that are each of one colour."""
    frames = np.zeros((len(colours), height, width, 3), np.uint8)
    frames[:] = np.array(colours, np.uint8)[:, None, None]
    return frames


def in_chunks(frames: Frames, at_once: int = 8) -> Iterator[Frames]:
    for start in range(0, len(frames), at_once):
        yield frames[start : start + at_once]


def is_flagged(guard: Any, frames: Frames, checker: Path, at_once: int = 8) -> bool:
    """Send a clip past a guard, and say whether it was refused at its end."""
    passed: list[Frames] = []
    refusals: list[FailureCode] = []
    try:
        passed.extend(guard.watched(in_chunks(frames, at_once), checker, ticket()))
    except RenderError as error:
        refusals.append(error.code)
    assert np.array_equal(np.concatenate(passed), frames)
    assert refusals in ([], [FailureCode.FLAGGED])
    return bool(refusals)


def seen_by(parts: Any, folder: Path, frames: Frames) -> Any:
    """Return what the stock checker, with the stock processor, makes of pictures."""
    own = {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}}
    colours = {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.3, 0.2, 0.1]}
    processor = parts.processor(**own, **colours)
    pixels = processor(images=list(frames), return_tensors="pt").pixel_values
    checker = parts.tiny.SafetyChecker.from_pretrained(folder)
    with parts.torch.inference_mode():
        pooled = checker.vision_model(pixels)[1]
        return pixels, checker.visual_projection(pooled)


@pytest.fixture(scope="module")
def red(parts: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checker that flags what is red, and nothing that is blue."""
    folder = tmp_path_factory.mktemp("red")
    parts.tiny.write_checker(folder)
    _, seen = seen_by(parts, folder / "safety_checker", clip(RED, BLUE))
    both = parts.torch.nn.functional.normalize(seen)
    between = (1 + float(both[0] @ both[1])) / 2
    assert between < 0.999
    threshold = parts.torch.tensor([between])
    return parts.tiny.write_checker(folder, likes={4: parts.torch.cat([both[0], threshold])})


def test_a_checker_that_flags_everything_or_nothing_does(
    parts: Any, guard: Any, tmp_path: Path
) -> None:
    never = parts.tiny.write_checker(tmp_path / "never", likes={})
    always = parts.tiny.write_checker(tmp_path / "always")
    for checker, expected in ((never, False), (always, True), (never, False)):
        assert is_flagged(guard, clip(RED, BLUE), checker) is expected


@pytest.mark.parametrize("at_once", [8, 1, 5])
@pytest.mark.parametrize(
    ("red_at", "expected"),
    [((), False), ((0,), True), ((8,), True), ((16,), True), ((18,), True), ((3, 9), False)],
    ids=["none", "first", "eighth", "sixteenth", "last", "between"],
)
def test_every_eighth_frame_and_the_last_one_are_looked_at(
    guard: Any, red: Path, red_at: Sequence[int], expected: object, at_once: int
) -> None:
    frames = clip(*(RED if at in red_at else BLUE for at in range(19)))
    assert is_flagged(guard, frames, red, at_once) is expected


@pytest.mark.parametrize("sides", [(48, 160), (160, 48), (48, 64)])
@pytest.mark.parametrize("edge", ["first", "last"])
def test_the_edges_of_a_wide_or_tall_frame_are_looked_at(
    guard: Any, red: Path, sides: tuple[int, int], edge: str
) -> None:
    frames = clip(BLUE, height=sides[0], width=sides[1])
    assert not is_flagged(guard, frames, red)
    long = frames if sides[0] > sides[1] else frames.swapaxes(1, 2)
    side = min(sides)
    long[:, slice(0, side) if edge == "first" else slice(-side, None)] = RED
    assert is_flagged(guard, frames, red)


def test_many_pictures_are_looked_at_a_few_at_a_time(
    guard: Any, red: Path, parts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    eye = parts.safety._Eye
    finds, batches = eye.finds, list[int]()

    def counted(own: Any, pictures: Any) -> bool:
        batches.append(len(pictures))
        return bool(finds(own, pictures))

    monkeypatch.setattr(eye, "finds", counted)
    assert not is_flagged(guard, clip(*[BLUE] * 137), red)
    assert batches == [8, 8, 2]


def test_it_gives_signs_of_life_and_stops_when_it_is_told_to(guard: Any, red: Path) -> None:
    news: list[Advanced] = []
    frames = clip(*[BLUE] * 137)
    heard = Ticket(render_id="r", is_cancelled=lambda: len(news) == 3, send=news.append)
    with pytest.raises(StoppedError):
        list(guard.watched(in_chunks(frames), red, heard))
    assert [one.stage for one in news] == [Stage.CHECKING] * 3


def test_it_sees_what_the_stock_checker_sees(parts: Any, red: Path, guard: Any) -> None:
    noise = np.random.default_rng(1).integers(60, 190, (2, 12, 12, 3), np.uint8)
    frames = np.kron(noise, np.ones((1, 4, 4, 1), np.uint8)).astype(np.uint8)
    pixels, seen = seen_by(parts, red, frames)
    eye = guard._eye(red)
    given: list[Any] = []

    def note(_: Any, args: tuple[Any, ...]) -> None:
        given.extend(args)

    eye.module.vision_model.register_forward_pre_hook(note)
    eye.finds(parts.torch.from_numpy(frames).to(guard._device).permute(0, 3, 1, 2))
    (ours,) = given
    assert ours.shape == pixels.shape
    # A picture is rounded to whole numbers there, twice, and not here: one of 255 is 0.04 at most.
    assert float((ours.float().cpu() - pixels).abs().max()) < 0.1
    with parts.torch.inference_mode():
        mine = eye.module.visual_projection(eye.module.vision_model(ours)[1]).float().cpu()
    cosine = parts.torch.nn.functional.cosine_similarity(mine, seen)
    assert float(cosine.min()) > 0.999


def test_a_checker_that_an_older_library_saved_is_the_same(
    guard: Any, red: Path, parts: Any, tmp_path: Path
) -> None:
    shutil.copytree(red.parent, tmp_path, dirs_exist_ok=True)
    old = tmp_path / "safety_checker"
    parts.tiny.rewrite(old / "model.safetensors", {"vision_model.": "vision_model.vision_model."})
    config = json.loads((old / "config.json").read_text())
    config |= {"_commit_hash": "4bb6", "torch_dtype": "float32", "transformers_version": None}
    for part in ("text_config", "vision_config"):
        config[f"{part}_dict"] = {**config[part]}
        config[part] |= {"bad_words_ids": None, "num_beams": 1, "pruned_heads": {}}
    (old / "config.json").write_text(json.dumps(config))
    assert is_flagged(guard, clip(RED), old)
    assert not is_flagged(guard, clip(BLUE), old)


def test_a_checker_that_lacks_weights_lets_nothing_be_drawn(
    guard: Any, red: Path, parts: Any, tmp_path: Path
) -> None:
    shutil.copytree(red.parent, tmp_path / "toon")
    broken = tmp_path / "toon" / "safety_checker"
    parts.tiny.rewrite(broken / "model.safetensors", {"concept_embeds": None})
    with pytest.raises(RenderError, match="checker of the model toon cannot be loaded") as caught:
        guard.hold(broken)
    assert caught.value.code is FailureCode.BAD_MODEL


@pytest.mark.parametrize("kind", ["mp4", "gif"])
def test_a_flagged_render_leaves_no_file_and_the_next_one_is_as_it_would_have_been(
    parts: Any, place: Place, tmp_path: Path, kind: str
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    dtype = getattr(parts.torch, place.dtype)
    studio = parts.studio.Studio(scratch=scratch, device=place.device, dtype=dtype)
    always = parts.tiny.write_checker(tmp_path / "always")
    never = parts.tiny.write_checker(tmp_path / "never", likes={})
    with pytest.raises(RenderError) as caught:
        studio.render(order(always, kind), ticket())
    assert caught.value.code is FailureCode.FLAGGED
    assert "safety checker flagged this video" in str(caught.value)
    assert list(scratch.iterdir()) == []
    watched = studio.render(order(never, kind), ticket())
    content = watched.path.read_bytes()
    assert watched.effective["safety_checker"] is True
    plain = studio.render(order(None, kind), ticket())
    assert plain.path.read_bytes() == content
    assert plain.effective["safety_checker"] is False


def order(checker: Path | None, kind: str) -> RenderOrder:
    small = {"width": 64, "height": 64, "frames": 10, "steps": 1, "model": "shapes", "seed": 5}
    files = RenderFiles(model=SHAPES, checker=checker)
    return RenderOrder(id="r", request=make_request(**small, format=kind), files=files)


def ticket() -> Ticket:
    return Ticket(render_id="r", is_cancelled=lambda: False, send=lambda _: None)
