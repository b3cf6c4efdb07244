"""One render in this process: stopped at any moment, out of memory, with weights that are broken.

torch is loaded by the fixtures only: collecting these tests must stay cheap.
"""

import shutil
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from jobs.request import Quality, VideoFormat
from providers.local.engine.ticket import DeviceLostError, RenderError, StoppedError, Ticket
from providers.local.wire import Advanced, FailureCode, RenderFiles, RenderOrder, Stage
from tests.factories import make_request
from tests.local.conftest import Place
from tests.local.videos import SHAPES

pytestmark = pytest.mark.filterwarnings("ignore")  # torch's own warnings


@pytest.fixture(scope="module")
def parts() -> Any:
    """The worker's modules, and torch."""
    import torch  # noqa: PLC0415

    from providers.local.engine import decoding, studio, thrift  # noqa: PLC0415

    torch.set_num_threads(1)
    return SimpleNamespace(torch=torch, studio=studio, decoding=decoding, thrift=thrift)


@pytest.fixture(scope="module")
def shared(parts: Any, place: Place, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A studio for all tests that leave it as it was."""
    scratch = tmp_path_factory.mktemp("studio")
    dtype = getattr(parts.torch, place.dtype)
    studio = parts.studio.Studio(scratch=scratch, device=place.device, dtype=dtype)
    return SimpleNamespace(render=studio.render, studio=studio, scratch=scratch)


@pytest.fixture
def pipe(shared: Any) -> Any:
    """The pipeline that the shared studio holds."""
    return shared.studio._shelf.get(RenderFiles(model=SHAPES))


def order(**overrides: Any) -> RenderOrder:
    """Return an order that takes a fraction of a second: 64 x 64 pixels, 10 frames, two calls."""
    model = overrides.pop("files", RenderFiles(model=SHAPES))
    small = {"width": 64, "height": 64, "frames": 10, "steps": 2, "model": "shapes", "seed": 5}
    return RenderOrder(id="r", request=make_request(**{**small, **overrides}), files=model)


def ticket(
    news: list[Advanced] | None = None, is_cancelled: Callable[[], bool] = lambda: False
) -> Ticket:
    return Ticket(
        render_id="r",
        is_cancelled=is_cancelled,
        send=[].append if news is None else news.append,
    )


def made(shared: Any, asked: RenderOrder, given: Ticket | None = None) -> tuple[bytes, Any]:
    """Render, take the files away, and return the video's bytes and what made it."""
    video = shared.render(asked, given or ticket())
    content = video.path.read_bytes()
    video.path.unlink()
    video.poster.unlink()
    assert list(shared.scratch.iterdir()) == []
    return content, video.effective


@contextmanager
def nothing_left(shared: Any) -> Generator[None]:
    """Hold that no file and no thread stays."""
    threads = threading.active_count()
    yield
    assert list(shared.scratch.iterdir()) == []
    assert threading.active_count() == threads


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(VideoFormat))
def test_a_cancel_at_any_moment_leaves_nothing_behind(shared: Any, kind: VideoFormat) -> None:
    asked = order(format=kind)
    before, _ = made(shared, asked)
    moments: dict[int, Stage | None] = {}
    for moment in range(1000):
        left, news = iter(range(moment)), list[Advanced]()
        try:
            with nothing_left(shared):
                shared.render(asked, ticket(news, lambda left=left: next(left, None) is None))
        except StoppedError:
            moments[moment] = news[-1].stage if news else None
        except AssertionError:
            break
    assert made(shared, asked)[0] == before
    without_checker = {Stage.STARTING, Stage.CHECKING}
    assert set(moments.values()) == {None, *Stage} - without_checker
    assert len(moments) > 15


def test_every_unet_call_and_every_frame_is_news(shared: Any) -> None:
    news: list[Advanced] = []
    made(shared, order(), ticket(news))
    calls = [event.done for event in news if event.stage is Stage.DENOISING]
    assert calls == [0, 1, 2]
    decoded = [event for event in news if event.stage is Stage.DECODING]
    assert len(decoded) == 3  # it begins, then chunks of eight frames
    whole = [event for event in news if event.stage in (Stage.DECODING, Stage.ENCODING)]
    assert {(event.done, event.total) for event in whole} == {(2, 2)}


def test_the_quality_that_is_asked_for_acts_and_is_told(shared: Any) -> None:
    wanted = (Quality.DRAFT, Quality.BEST)
    draft, best = [made(shared, order(quality=quality)) for quality in wanted]
    assert len(draft[0]) < len(best[0])
    assert best[1]["quality"] == "best"


@contextmanager
def small_memory(parts: Any, module: Any, *, rows: int) -> Generator[list[int]]:
    """Let a module run out of memory whenever it is given more rows; yield how many it was given.

    The error is the one that CUDA's allocator raises, from inside the real module's own call.
    """
    seen: list[int] = []

    def refuse(_: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        given = len(args[0] if args else kwargs["hidden_states"])
        seen.append(given)
        if given > rows:
            raise parts.torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")

    hook = module.register_forward_pre_hook(refuse, with_kwargs=True)
    try:
        yield seen
    finally:
        hook.remove()


def attention_of(parts: Any, unet: Any) -> Any:
    """Return what is inside an attention; its rows are those that the attention works on."""
    kinds = parts.thrift.Attention
    return next(part for part in unet.modules() if isinstance(part, kinds)).to_q


def test_a_render_without_memory_is_made_in_slices_and_is_the_same_to_the_eye(
    parts: Any, shared: Any, pipe: Any
) -> None:
    before, _ = made(shared, order())
    news: list[Advanced] = []
    with small_memory(parts, attention_of(parts, pipe.unet), rows=8) as rows:
        content, effective = made(shared, order(), ticket(news))
    assert effective["in_slices"] is True
    assert max(rows[1:]) <= 8 < rows[0]
    assert abs(len(content) - len(before)) <= len(before) * 0.02
    after, effective = made(shared, order())
    assert after == before  # bit for bit: the pipeline is what it was
    assert "in_slices" not in effective
    assert [event.stage for event in news].count(Stage.LOADING) == 2


def test_slices_change_no_more_than_the_last_bits(parts: Any, pipe: Any, place: Place) -> None:
    torch = parts.torch
    random = torch.Generator().manual_seed(1)
    sample = torch.randn((2, 4, 10, 8, 8), generator=random)
    states = torch.randn((20, 77, pipe.unet.config.cross_attention_dim), generator=random)
    sample, states = (tensor.to(pipe.unet.device, pipe.unet.dtype) for tensor in (sample, states))
    with torch.inference_mode():
        whole = pipe.unet(sample, 300, encoder_hidden_states=states).sample
        with parts.thrift.in_slices(pipe.unet):
            sliced = pipe.unet(sample, 300, encoder_hidden_states=states).sample
            (as_tuple,) = pipe.unet(sample, 300, encoder_hidden_states=states, return_dict=False)
        again = pipe.unet(sample, 300, encoder_hidden_states=states).sample
    assert (whole - sliced).abs().max() <= place.tolerance * whole.abs().max()
    assert torch.equal(sliced, as_tuple)
    assert torch.equal(whole, again)
    assert not any("forward" in vars(part) for part in pipe.unet.modules())


def test_a_video_that_is_too_large_even_in_slices_fails_in_a_sentence(
    parts: Any, shared: Any, pipe: Any
) -> None:
    before, _ = made(shared, order())
    with (
        nothing_left(shared),
        small_memory(parts, attention_of(parts, pipe.unet), rows=0) as rows,
        pytest.raises(
            RenderError, match="too little memory for the video; ask for fewer"
        ) as caught,
    ):
        shared.render(order(), ticket())
    assert caught.value.code is FailureCode.OUT_OF_MEMORY
    assert len(rows) == 2  # once, and once again
    assert made(shared, order())[0] == before


def test_decoding_without_memory_goes_on_frame_by_frame(parts: Any, shared: Any, pipe: Any) -> None:
    before, _ = made(shared, order())
    with small_memory(parts, pipe.vae.post_quant_conv, rows=1) as rows:
        content, _ = made(shared, order())
    assert rows == [8] + [1] * 10
    assert abs(len(content) - len(before)) <= len(before) * 0.02
    assert made(shared, order())[0] == before


def test_decoding_that_fails_for_one_frame_ends_the_encoder_too(
    parts: Any, shared: Any, pipe: Any
) -> None:
    with (
        nothing_left(shared),
        small_memory(parts, pipe.vae.post_quant_conv, rows=0),
        pytest.raises(RenderError, match="too little memory for the video"),
    ):
        shared.render(order(), ticket())
    made(shared, order())


def test_an_error_nobody_foresaw_is_told_as_one_and_is_not_tried_again(
    shared: Any, pipe: Any
) -> None:
    calls: list[int] = []

    def fail(*_: object) -> None:
        calls.append(1)
        raise ZeroDivisionError

    hook = pipe.unet.register_forward_pre_hook(fail)
    try:
        with nothing_left(shared), pytest.raises(RenderError, match="its log") as caught:
            shared.render(order(), ticket())
    finally:
        hook.remove()
    assert caught.value.code is FailureCode.BROKEN
    assert calls == [1]
    made(shared, order())


def test_a_device_that_is_lost_is_told_apart(parts: Any, shared: Any, pipe: Any) -> None:
    def fail(*_: object) -> None:
        raise parts.torch.AcceleratorError("CUDA error: an illegal memory access was encountered")

    hook = pipe.unet.register_forward_pre_hook(fail)
    try:
        with nothing_left(shared), pytest.raises(DeviceLostError):
            shared.render(order(), ticket())
    finally:
        hook.remove()


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """A copy of the embedded model, to be damaged."""
    return Path(shutil.copytree(SHAPES, tmp_path / "damaged"))


def spoil(path: Path, word: str) -> None:
    """Make the first tensor whose name holds a word not a number."""
    from safetensors.numpy import load_file, save_file  # noqa: PLC0415

    tensors = load_file(path)
    name = next(name for name in tensors if word in name)
    tensors[name] = tensors[name] * float("nan")
    save_file(tensors, path)


@pytest.mark.parametrize(
    ("part", "word"), [("unet", "conv_out"), ("vae", "decoder.conv_out")], ids=["unet", "vae"]
)
def test_weights_that_are_no_numbers_fail_their_render_and_no_other(
    shared: Any, damaged: Path, part: str, word: str
) -> None:
    before, _ = made(shared, order())
    spoil(damaged / part / "diffusion_pytorch_model.safetensors", word)
    with nothing_left(shared), pytest.raises(RenderError, match="gave no picture") as caught:
        shared.render(order(files=RenderFiles(model=damaged)), ticket())
    assert caught.value.code is FailureCode.BAD_MODEL
    assert made(shared, order())[0] == before


def cut_short(folder: Path) -> None:
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def make_rubbish(folder: Path) -> None:
    (folder / "vae" / "diffusion_pytorch_model.safetensors").write_bytes(b"\xff" * 1000)


def take_away(folder: Path) -> None:
    shutil.rmtree(folder / "text_encoder")


@pytest.mark.parametrize("damage", [cut_short, make_rubbish, take_away, shutil.rmtree])
def test_weights_that_are_missing_or_damaged_fail_their_render_and_no_other(
    shared: Any, damaged: Path, damage: Callable[[Path], None]
) -> None:
    before, _ = made(shared, order())
    damage(damaged)
    with nothing_left(shared), pytest.raises(RenderError, match="cannot be loaded") as caught:
        shared.render(order(files=RenderFiles(model=damaged)), ticket())
    assert caught.value.code is FailureCode.BAD_MODEL
    assert made(shared, order())[0] == before


@pytest.fixture
def full_disk(shared: Any) -> Iterator[None]:
    """A scratch folder in which this render's file has no room."""
    for name in ("r.mp4", "r.gif"):
        (shared.scratch / name).symlink_to("/dev/full")
    yield
    for path in shared.scratch.iterdir():
        path.unlink()


@pytest.mark.usefixtures("full_disk")
@pytest.mark.parametrize("kind", list(VideoFormat))
def test_a_full_disk_stops_the_decoding_too(shared: Any, kind: VideoFormat) -> None:
    threads = threading.active_count()
    with pytest.raises(RenderError, match="disk is full") as caught:
        shared.render(order(format=kind), ticket())
    assert caught.value.code is FailureCode.DISK_FULL
    assert threading.active_count() == threads
    assert {path.suffix for path in shared.scratch.iterdir()} == {".mp4", ".gif"} - {f".{kind}"}
