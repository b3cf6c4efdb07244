"""Our way through the model, held against diffusers' own, and against what a loop promises.

torch is loaded by the fixtures only: collecting these tests must stay cheap.
"""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from jobs.request import ResolvedRequest, Segment
from tests.factories import make_request
from tests.local.videos import SHAPES

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # torch's own warnings

NEGATIVE = "blur"


@pytest.fixture(scope="module")
def parts() -> Any:
    """The worker's modules, and torch."""
    import torch  # noqa: PLC0415

    from providers.local import pipeline, prompt, sampling, ticket, windows  # noqa: PLC0415

    torch.set_num_threads(1)
    return SimpleNamespace(
        torch=torch,
        pipeline=pipeline,
        prompt=prompt,
        sampling=sampling,
        ticket=ticket,
        windows=windows,
    )


@pytest.fixture(scope="module")
def ours(parts: Any) -> Any:
    """The pipeline as a worker holds it."""
    return parts.pipeline.PipelineShelf(device="cpu").get(SHAPES)


@pytest.fixture
def stock(parts: Any) -> Any:
    """The pipeline as diffusers loads it."""
    pipe = parts.pipeline.AnimateDiffPipeline.from_pretrained(
        SHAPES, dtype=parts.torch.float32, local_files_only=True
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def request(*segments: Segment, **overrides: object) -> ResolvedRequest:
    frames = sum(segment.frames or 0 for segment in segments)
    values = {"segments": segments, "frames": frames, "steps": 3, "model": "shapes"}
    return make_request(**values, width=64, height=64, negative_prompt=NEGATIVE, **overrides)


def sampled(parts: Any, pipe: Any, asked: ResolvedRequest) -> Any:
    """Return our latents, frames x channels x height x width."""
    encoder = parts.prompt.PromptEncoder(pipe, clip_skip=1)
    prompt, negative = encoder.encode(
        asked.segments, NEGATIVE, frames=asked.frames, is_loop=asked.closed_loop
    )
    ticket = parts.ticket.Ticket(render_id="a", is_cancelled=lambda: False, send=ignore)
    states = parts.sampling.States(prompt=prompt, negative=negative)
    return parts.sampling.sample(pipe, asked, states, image=None, ticket=ticket)[0]


def ignore(_: object) -> None:
    """Take no interest in progress."""


def noise_of(parts: Any, asked: ResolvedRequest) -> Any:
    return parts.windows.draw_noise(
        (1, 4, 8, 8), frames=asked.frames, seed=asked.seed, is_loop=asked.closed_loop
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


@pytest.mark.parametrize("frames", [12, 16, 24])
def test_turning_a_loops_noise_turns_the_loop(
    parts: Any, ours: Any, monkeypatch: pytest.MonkeyPatch, frames: int
) -> None:
    asked = request(Segment(prompt="a red ball", frames=frames), closed_loop=True)
    straight = sampled(parts, ours, asked)
    noise = noise_of(parts, asked).roll(4, dims=2)

    def give(*_: object, **__: object) -> object:
        return noise

    monkeypatch.setattr(parts.sampling, "draw_noise", give)
    turned = sampled(parts, ours, asked)
    assert parts.torch.allclose(turned, straight.roll(4, dims=0), atol=1e-4)
    open_ended = sampled(parts, ours, asked.evolve(closed_loop=False))
    assert not parts.torch.allclose(open_ended, turned, atol=1e-2)


@pytest.mark.parametrize("is_loop", [False, True])
def test_every_frame_is_covered_and_its_shares_add_up_to_one(parts: Any, *, is_loop: bool) -> None:
    for count in range(8, 129):
        windows = parts.windows.windows_of(count, is_loop=is_loop)
        total = parts.torch.zeros(count, dtype=parts.torch.float64)
        total.index_add_(0, windows.frames.flatten(), windows.shares.flatten())
        assert parts.torch.allclose(total, parts.torch.ones_like(total))
        assert windows.frames.shape[1] == min(16, count)


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
