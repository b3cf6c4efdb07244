"""Our way through the model, held against diffusers' own, and against what a loop promises.

torch is loaded by the fixtures only: collecting these tests must stay cheap.
"""

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from jobs.request import ResolvedRequest, Segment
from tests.factories import make_request
from tests.local.videos import SHAPES

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # torch's own warnings

NEGATIVE = "blur"


@pytest.fixture(scope="module")
def parts() -> Iterator[Any]:
    """The worker's modules, and torch."""
    import torch  # noqa: PLC0415

    from providers.local import wire  # noqa: PLC0415
    from providers.local.engine import pipeline, prompt, sampling, ticket, windows  # noqa: PLC0415

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield SimpleNamespace(
        torch=torch,
        pipeline=pipeline,
        prompt=prompt,
        sampling=sampling,
        ticket=ticket,
        windows=windows,
        wire=wire,
    )
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def ours(parts: Any) -> Any:
    """The pipeline as a worker holds it."""
    files = parts.wire.RenderFiles(model=SHAPES)
    return parts.pipeline.PipelineShelf(device="cpu").get(files)


@pytest.fixture
def stock(parts: Any) -> Any:
    """The pipeline as diffusers loads it, with a scheduler that has our settings."""
    from diffusers.pipelines.animatediff.pipeline_animatediff import (  # noqa: PLC0415
        AnimateDiffPipeline,
    )

    pipe: Any = AnimateDiffPipeline.from_pretrained(
        SHAPES, dtype=parts.torch.float32, local_files_only=True
    )
    pipe.scheduler = type(pipe.scheduler).from_config(
        pipe.scheduler.config, timestep_spacing="trailing"
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.fixture(scope="module")
def tiny_unet(parts: Any) -> Any:
    """A motion UNet of random weights, as stock has it."""
    from diffusers.models.unets.unet_motion_model import UNetMotionModel  # noqa: PLC0415

    parts.torch.manual_seed(5)
    return UNetMotionModel(
        block_out_channels=(32, 64),
        down_block_types=("CrossAttnDownBlockMotion", "DownBlockMotion"),
        up_block_types=("UpBlockMotion", "CrossAttnUpBlockMotion"),
        layers_per_block=1,
        cross_attention_dim=16,
        num_attention_heads=2,
        motion_num_attention_heads=2,
        norm_num_groups=8,
        use_motion_mid_block=True,
    ).eval()


def request(*segments: Segment, **overrides: object) -> ResolvedRequest:
    frames = sum(segment.frames or 0 for segment in segments)
    values = {"segments": segments, "frames": frames, "steps": 3, "model": "shapes"}
    return make_request(
        **{**values, "width": 64, "height": 64, "negative_prompt": NEGATIVE, **overrides}
    )


def sampled(parts: Any, pipe: Any, asked: ResolvedRequest) -> Any:
    """Return our latents, frames x channels x height x width."""
    encoder = parts.prompt.PromptEncoder(pipe, clip_skip=1)
    prompt, negative = encoder.encode(
        asked.segments, NEGATIVE, frames=asked.frames, is_loop=parts.windows.goes_round(asked)
    )
    ticket = parts.ticket.Ticket(render_id="a", is_cancelled=lambda: False, send=ignore)
    states = parts.sampling.States(prompt=prompt, negative=negative)
    own = pipe.scheduler
    pipe.scheduler = type(own).from_config(own.config, timestep_spacing="trailing")
    try:
        return parts.sampling.sample(pipe, asked, states, image=None, ticket=ticket)[0]
    finally:
        pipe.scheduler = own


def ignore(_: object) -> None:
    """Take no interest in progress."""


def noise_of(parts: Any, asked: ResolvedRequest) -> Any:
    return parts.windows.draw_noise(
        (1, 4, asked.height // 8, asked.width // 8),
        frames=asked.frames,
        seed=asked.seed,
        is_loop=parts.windows.goes_round(asked),
    )


def stock_latents(parts: Any, pipe: Any, asked: ResolvedRequest, prompt: object) -> Any:
    with parts.torch.inference_mode():
        return (
            pipe(
                prompt=prompt,
                negative_prompt=NEGATIVE,
                num_frames=asked.frames,
                width=64,
                height=64,
                num_inference_steps=asked.steps,
                guidance_scale=asked.guidance_scale,
                latents=noise_of(parts, asked),
                output_type="latent",
            )
            .frames[0]
            .transpose(0, 1)
        )


def test_16_frames_are_bit_for_bit_those_of_diffusers(parts: Any, ours: Any, stock: Any) -> None:
    asked = request(Segment(prompt="a red ball", frames=16))
    expected = stock_latents(parts, stock, asked, "a red ball")
    assert parts.torch.equal(sampled(parts, ours, asked), expected)


def test_40_frames_with_two_prompts_are_those_of_free_noise(
    parts: Any, ours: Any, stock: Any
) -> None:
    asked = request(Segment(prompt="a red ball", frames=24), Segment(prompt="blue", frames=16))
    stock.enable_free_noise(context_length=16, context_stride=4)
    expected = stock_latents(parts, stock, asked, {0: "a red ball", 24: "blue"})
    assert parts.torch.allclose(sampled(parts, ours, asked), expected, atol=1e-4)


@pytest.fixture(scope="module")
def both(parts: Any, tiny_unet: Any) -> Any:
    """Return a function that runs a UNet with stock FreeNoise, then with our windows."""
    from copy import deepcopy  # noqa: PLC0415

    from diffusers.pipelines.free_noise_utils import AnimateDiffFreeNoiseMixin  # noqa: PLC0415

    class Stock(AnimateDiffFreeNoiseMixin):
        def __init__(self, unet: Any) -> None:
            self.unet, self.device, self.dtype = unet, unet.device, unet.dtype
            config = SimpleNamespace(motion_max_seq_length=32)
            self.motion_adapter = SimpleNamespace(config=config)

    free, windowed = Stock(deepcopy(tiny_unet)), deepcopy(tiny_unet)
    free.enable_free_noise(context_length=16, context_stride=4)
    parts.windows.put_windows_into(windowed)

    def run(frames: int) -> tuple[Any, Any]:
        torch = parts.torch
        generator = torch.Generator().manual_seed(frames)
        seen = torch.randn(2, 4, frames, 4, 4, generator=generator)
        states = torch.randn(2 * frames, 3, 16, generator=generator)
        with torch.inference_mode():
            return tuple(
                unet(seen, 500, encoder_hidden_states=states).sample
                for unet in (free.unet, windowed)
            )

    return SimpleNamespace(run=run, windowed=windowed, plain=tiny_unet)


@pytest.mark.parametrize("frames", [20, 24, 40, 128])
def test_whole_windows_are_bit_for_bit_those_of_free_noise(
    parts: Any, both: Any, frames: int
) -> None:
    expected, made = both.run(frames)
    assert parts.torch.equal(made, expected)
    parts.windows.set_windows_at_once(both.windowed, 2)
    try:
        assert parts.torch.allclose(both.run(frames)[1], expected, atol=1e-5)
    finally:
        parts.windows.set_windows_at_once(both.windowed, None)


def test_one_window_is_free_noises_to_rounding_and_the_plain_models_to_the_bit(
    parts: Any, both: Any
) -> None:
    expected, made = both.run(16)
    assert parts.torch.allclose(made, expected, atol=1e-5)
    seen, states = parts.torch.ones(1, 4, 16, 4, 4), parts.torch.ones(16, 3, 16)
    with parts.torch.inference_mode():
        plain, windowed = (
            unet(seen, 500, encoder_hidden_states=states).sample
            for unet in (both.plain, both.windowed)
        )
    assert parts.torch.equal(plain, windowed)


@pytest.mark.parametrize("frames", [8, 9, 17, 25, 127])
def test_any_length_goes_through(parts: Any, both: Any, frames: int) -> None:
    """Stock FreeNoise fails below 16."""
    seen, states = parts.torch.ones(1, 4, frames, 4, 4), parts.torch.ones(frames, 3, 16)
    with parts.torch.inference_mode():
        made = both.windowed(seen, 500, encoder_hidden_states=states).sample
    assert made.shape == seen.shape
    assert bool(parts.torch.isfinite(made).all())


def test_what_a_clips_windows_need_lies_in_buffers_that_all_blocks_share(
    parts: Any, both: Any
) -> None:
    names = set(both.windowed.state_dict())
    device = parts.torch.device("cpu")
    parts.windows.lay_out_windows(both.windowed, frames=40, device=device)
    blocks = [
        module
        for module in both.windowed.modules()
        if isinstance(module, parts.windows.WindowedBlock)
    ]
    held = {name: {id(getattr(block, name)) for block in blocks} for name in ("frames", "weights")}
    assert {name: len(ids) for name, ids in held.items()} == {"frames": 1, "weights": 1}
    both.run(40)
    assert {id(block.frames) for block in blocks} == held["frames"]
    assert set(both.windowed.state_dict()) == names


@pytest.mark.parametrize("frames", [20, 24, 40])
def test_turning_a_loops_noise_turns_the_loop(
    parts: Any, ours: Any, monkeypatch: pytest.MonkeyPatch, frames: int
) -> None:
    asked = request(Segment(prompt="a red ball", frames=frames), closed_loop=True)
    straight = sampled(parts, ours, asked)
    noise = noise_of(parts, asked).roll(4, dims=2)

    def give(*_: object, **__: object) -> object:
        return noise

    monkeypatch.setattr(parts.sampling, "draw_noise", give)
    scale = straight.abs().max()
    turned = sampled(parts, ours, asked)
    assert (turned - straight.roll(4, dims=0)).abs().max() < 1e-3 * scale
    open_ended = sampled(parts, ours, asked.evolve(closed_loop=False))
    assert (open_ended - turned).abs().max() > 1e-2 * scale


@pytest.mark.parametrize("frames", [16, 20, 22])
def test_a_loops_last_step_is_no_larger_than_its_others(parts: Any, ours: Any, frames: int) -> None:
    prompt = "a red circle moving left on a blue background"
    asked = request(
        Segment(prompt=prompt, frames=frames),
        closed_loop=True,
        steps=4,
        width=128,
        height=128,
        guidance_scale=1,
    )

    def steps(asked: ResolvedRequest) -> tuple[float, float]:
        made = sampled(parts, ours, asked)
        steps = (made.roll(-1, dims=0) - made).abs().mean(dim=(1, 2, 3))
        return float(steps[-1]), float(steps[:-1].max())

    last, largest = steps(asked)
    assert last <= largest
    last, largest = steps(asked.evolve(closed_loop=False))
    assert last > largest


@pytest.mark.parametrize(
    ("frames", "shown"),
    [(8, [0, 2, 4, 6, 7, 5, 3, 1]), (9, [0, 2, 4, 6, 8, 7, 5, 3, 1])],
)
def test_a_short_loop_goes_forth_over_even_frames_and_back_over_odd_ones(
    parts: Any, ours: Any, frames: int, shown: list[int]
) -> None:
    loop = request(Segment(prompt="a red ball", frames=frames), closed_loop=True)
    straight = sampled(parts, ours, loop.evolve(closed_loop=False))
    assert parts.torch.equal(sampled(parts, ours, loop), straight[shown])


@pytest.mark.parametrize("is_loop", [False, True])
def test_every_frame_is_covered_and_its_shares_add_up_to_one(parts: Any, *, is_loop: bool) -> None:
    for count in range(8, 129):
        windows = parts.windows.windows_of(count, is_loop=is_loop)
        context = min(16, count)
        assert windows.frames.shape[1] == context
        shares = windows.weights[..., 0] / windows.totals[..., 0]
        assert parts.torch.allclose(shares.sum(0), parts.torch.ones(count))
        counts = windows.weights[..., 0] > 0
        assert int(counts.sum()) == windows.frames.numel()
        answered = windows.frames.flatten()[windows.answers]
        assert parts.torch.equal(answered, parts.torch.arange(count).expand_as(answered))


@pytest.mark.parametrize("asked", [{"frames": 12}, {"frames": 20, "closed_loop": True}])
def test_the_same_request_makes_the_same_frames(
    parts: Any, ours: Any, asked: dict[str, Any]
) -> None:
    """To the last bit; on another number of threads to rounding, which is how oneDNN adds up."""
    part = Segment(prompt="a red ball", frames=asked["frames"])
    made = request(part, steps=1, guidance_scale=1, **asked)
    one = sampled(parts, ours, made)
    assert parts.torch.equal(one, sampled(parts, ours, made))
    parts.torch.set_num_threads(2)
    try:
        two = sampled(parts, ours, made)
    finally:
        parts.torch.set_num_threads(1)
    assert parts.torch.allclose(one, two, atol=1e-5)


def test_a_long_clip_reuses_the_noise_of_its_first_16_frames(parts: Any) -> None:
    noise = parts.windows.draw_noise((1, 4, 8, 8), frames=30, seed=3, is_loop=False)
    assert noise.shape == (1, 4, 30, 8, 8)
    first = {frame.numpy().tobytes() for frame in noise[0, :, :16].unbind(1)}
    later = {frame.numpy().tobytes() for frame in noise[0, :, 16:].unbind(1)}
    assert later < first
    assert len(first) == 16


def test_prompt_parts_stand_alone_at_their_starts_and_blend_between(parts: Any) -> None:
    def path(starts: Sequence[int], *, is_loop: bool) -> list[float]:
        states = parts.torch.tensor([0.0, 8.0])[:, None, None]
        travelled = parts.prompt.travel(states, starts, frames=8, is_loop=is_loop)
        return travelled.flatten().tolist()

    assert path([0, 4], is_loop=False) == [0, 2, 4, 6, 8, 8, 8, 8]
    assert path([0, 4], is_loop=True) == [0, 2, 4, 6, 8, 6, 4, 2]
