"""Every scheduler, driven by the engine's own loop, lands on a picture that is known exactly.

The UNet is an oracle (`oracle.py`), so this needs no weights and takes seconds for all of them.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from jobs.request import Scheduler
from providers.local.capabilities import UNUSABLE_SCHEDULERS

pytestmark = pytest.mark.filterwarnings("ignore")  # torch's own warnings

FROM_NOISE = [scheduler for scheduler in Scheduler if scheduler not in UNUSABLE_SCHEDULERS]
ADAPTED = {Scheduler.IPNDM, Scheduler.KARRAS_VE, Scheduler.SCORE_SDE_VE}
# Relative errors at 20 and at 4 steps. Measured: PNDM 0.012 and 0.17 for velocities (1e-6 for
# noise), DEIS 0.03, everything else below 1e-5.
LOOSE = {Scheduler.PNDM: (6.6e-2, 0.27), Scheduler.DEIS_MULTISTEP: (4e-2, 4e-2)}
EXACT = (1e-5, 1e-5)


@pytest.fixture(scope="module")
def lab() -> Iterator[Any]:
    """The oracle's module; torch is loaded here and not before."""
    import torch  # noqa: PLC0415

    from tests.local import oracle  # noqa: PLC0415

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield oracle
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Any image: the oracle's VAE answers with its own latents."""
    path = tmp_path_factory.mktemp("images") / "any.png"
    Image.new("RGB", (8, 8)).save(path)
    return path


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("scheduler", FROM_NOISE)
def test_a_scheduler_lands_on_the_picture(lab: Any, scheduler: Scheduler, kind: str) -> None:
    picture = lab.drawn(1)
    for steps, bound in zip((20, 4), LOOSE.get(scheduler, EXACT), strict=True):
        made, _, _ = lab.run(lab.Oracle(picture, kind=kind), lab.asked(scheduler, steps))
        assert lab.error(made, picture) < bound


@pytest.mark.parametrize("scheduler", FROM_NOISE)
def test_any_number_of_steps_ends_in_a_picture(lab: Any, scheduler: Scheduler) -> None:
    picture = lab.drawn(1)
    sampler = lab.built(lab.asked(scheduler, 1))  # some take long to build
    for steps in range(1, 51):
        request = lab.asked(scheduler, steps)
        made, calls, news = lab.run(lab.Oracle(picture), request, scheduler=sampler)
        assert lab.error(made, picture) < 0.3  # the noise is 1.4 away
        assert calls == len(news) == request.unet_calls
        assert [each.done for each in news] == list(range(1, calls + 1))
        assert {each.total for each in news} == {calls}


@pytest.mark.parametrize("scheduler", sorted(ADAPTED))
def test_an_adapted_scheduler_leaves_as_much_variety_as_the_pictures_have(
    lab: Any, scheduler: Scheduler
) -> None:
    """One picture alone would forgive noise of the wrong loudness: here pictures vary by 0.5."""
    picture = lab.drawn(1)
    made, _, _ = lab.run(lab.Oracle(picture, spread=0.5), lab.asked(scheduler, 20))
    assert float((made - picture).std()) == pytest.approx(0.5, rel=0.1)


@pytest.mark.parametrize("scheduler", FROM_NOISE)
def test_an_init_image_begins_at_the_noise_that_the_scheduler_tells_the_model(
    lab: Any, image: Path, scheduler: Scheduler
) -> None:
    still, picture = lab.drawn(2)[:, :, :1], lab.drawn(1)
    for steps, strength in ((10, 0.5), (4, 0.99), (10, 0.05), (50, 0.58)):
        oracle = lab.Oracle(picture)
        request = lab.asked(scheduler, steps, image="0" * 64, strength=strength)
        made, calls, _ = lab.run(oracle, request, still=still[:, :, 0], image=image)
        timestep, seen = oracle.first_seen
        signal, noise = oracle.levels(timestep)
        assert float(((seen - signal * still) / noise).std()) == pytest.approx(1, rel=0.05)
        assert calls == request.unet_calls
        assert lab.error(made, picture) < 0.3


def test_pndm_lands_as_well_from_the_middle_as_from_the_start(lab: Any, image: Path) -> None:
    picture = lab.drawn(1)
    for steps in (4, 20):
        request = lab.asked(Scheduler.PNDM, steps, image="0" * 64, strength=0.5)
        made, _, _ = lab.run(lab.Oracle(picture), request, still=lab.drawn(2)[:, :, 0], image=image)
        assert lab.error(made, picture) < 1e-4


def test_a_strength_of_0_is_the_image_in_every_frame(lab: Any, image: Path) -> None:
    still = lab.drawn(2)[:, :, 0]
    request = lab.asked(Scheduler.DDIM, 10, image="0" * 64, strength=0)
    made, calls, news = lab.run(lab.Oracle(lab.drawn(1)), request, still=still, image=image)
    assert all(lab.error(frame, still) == 0 for frame in made.unbind(2))
    assert (calls, news, request.unet_calls) == (0, [], 0)
    assert request.cost > 0


def test_a_strength_of_1_ignores_the_image(lab: Any, image: Path) -> None:
    plain = lab.asked(Scheduler.DDIM, 3)
    ignored = plain.evolve(image="0" * 64, strength=1)
    oracle = lab.Oracle(lab.drawn(1), spread=0.5)
    made, _, _ = lab.run(oracle, plain)
    again, _, _ = lab.run(oracle, ignored, still=lab.drawn(2)[:, :, 0], image=image)
    assert lab.error(again, made) == 0


@pytest.mark.parametrize(("steps", "bound"), [(4, 0.3), (20, 0.1), (50, 0.05)])
@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_an_inverted_image_comes_back(
    lab: Any, image: Path, steps: int, bound: float, kind: str
) -> None:
    picture = lab.drawn(1)
    still = picture[:, :, 0] + 0.7 * lab.drawn(2)[:, :, 0]
    picture = picture[:, :, :1].expand_as(lab.drawn(1))
    oracle = lab.Oracle(picture, spread=0.7, kind=kind)
    request = lab.asked(Scheduler.DDIM_INVERSE, steps, image="0" * 64, strength=0.8)
    made, calls, news = lab.run(oracle, request, still=still, image=image)
    assert lab.error(made, still[:, :, None].expand_as(made)) < bound
    assert calls == len(news) == request.unet_calls == 2 * request.steps_run
    again, _, _ = lab.run(oracle, request.evolve(seed=12), still=still, image=image)
    assert lab.error(again, made) == 0  # no noise is drawn: the image is what it begins with


def test_inversion_and_its_guided_way_back_are_counted(lab: Any, image: Path) -> None:
    request = lab.asked(Scheduler.DDIM_INVERSE, 10, image="0" * 64, guidance_scale=4)
    oracle = lab.Oracle(lab.drawn(1), spread=0.7)
    _, calls, news = lab.run(oracle, request, still=lab.drawn(2)[:, :, 0], image=image)
    assert calls == request.unet_calls == 8 + 2 * 8
    assert {each.total for each in news} == {16}


def test_what_samplers_draw_later_is_not_the_first_noise_again(lab: Any) -> None:
    picture = lab.drawn(1) * 0
    oracle = lab.Oracle(picture)
    seen: list[Any] = []

    def note(_: object, args: tuple[Any, ...]) -> None:
        seen.append(args[0])

    oracle.register_forward_pre_hook(note)
    lab.run(oracle, lab.asked(Scheduler.DDPM, 4))
    first, second = (each.flatten() for each in seen[:2])
    likeness = float((first @ second) / (first.norm() * second.norm()))
    assert abs(likeness) < 0.5  # with the same noise it would be 1
