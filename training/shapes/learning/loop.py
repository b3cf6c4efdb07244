"""The one loop that every stage trains in: rate, clipping, average, log, and states to go on from.

What happens in a step depends on its number and on the seed alone, so that a training that was
stopped goes on as if it had not been, but for the optimiser's memory.
"""

import csv
import random
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from training.shapes.learning import state
from training.shapes.learning.crew import Crew
from training.shapes.learning.sheets import save_curve

BETAS = (0.9, 0.98)
LARGEST_GRADIENT = 1.0
SLOW_LOSS = 0.98  # of the smoothed loss that is logged


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How long and how fast a stage learns.

    Attributes:
        steps: Steps of the optimiser.
        batch: Pictures or clips in each, over all processes.
        peak: The learning rate between the warm-up and the last `fall` of the steps.
        warm_up: Steps until the rate is at its peak, also after a stop.
        keep: How slowly the average of the weights moves.
        decay: AdamW's weight decay.
        save_every: Steps between two states.
        look_every: Steps between two pictures for people.
    """

    steps: int
    batch: int
    peak: float
    warm_up: int = 150
    fall: float = 0.3
    keep: float = 0.999
    decay: float = 0.01
    save_every: int = 250
    look_every: int = 1000

    def rate(self, step: int, *, since: int) -> float:
        """Return the learning rate of a step: up, level, and down to nothing at the end."""
        rise = min(1.0, (step - since + 1) / self.warm_up)
        fall = min(1.0, (self.steps - step) / max(1.0, self.fall * self.steps))
        return self.peak * rise * fall


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a step may draw on: its number, and chance that no other step or process has."""

    number: int
    rng: random.Random
    generator: torch.Generator

    @classmethod
    def of(cls, seed: int, stage: str, number: int, rank: int) -> "Step":
        """Return a step; the same arguments always give the same chance."""
        rng = random.Random(f"{seed} {stage} {number} {rank}")
        return cls(
            number=number,
            rng=rng,
            generator=torch.Generator().manual_seed(rng.getrandbits(60)),
        )


def train(  # noqa: PLR0913 - a stage is all of these
    module: nn.Module,
    loss_of: Callable[[Step], Tensor],
    *,
    stage: str,
    course: Course,
    crew: Crew,
    folder: Path,
    seed: int,
    look: Callable[[Path], None] | None = None,
) -> None:
    """Train a module in place, from where the folder says it was; leave it with its average.

    Args:
        module: What learns.
        loss_of: A step's loss.
        stage: The name of the files.
        course: How long and how fast.
        crew: The process this is.
        folder: Where states, the log and pictures are kept.
        seed: Decides everything that is drawn by chance.
        look: Writes a picture of what the averaged module makes.
    """
    module.train()
    parameters = [each for each in module.parameters() if each.requires_grad]
    optimiser = torch.optim.AdamW(
        parameters, course.peak, betas=BETAS, weight_decay=course.decay, fused=True
    )
    average = Average(module, keep=course.keep)
    since = _go_on(module, average, state.load(folder, stage), crew)
    log = LossLog(folder / f"{stage}.csv") if crew.leads else None
    for number in range(since, course.steps):
        with crew.precision():
            loss = loss_of(Step.of(seed, stage, number, crew.rank))
        loss.backward()
        crew.average_gradients(parameters)
        nn.utils.clip_grad_norm_(parameters, LARGEST_GRADIENT)
        for group in optimiser.param_groups:
            group["lr"] = course.rate(number, since=since)
        optimiser.step()
        optimiser.zero_grad()
        average.update()
        if log is None:
            continue
        log.note(number, float(loss.detach()))
        done = number + 1
        if done % course.save_every == 0 or done == course.steps:
            kept = state.State(step=done, weights=module.state_dict(), average=average.weights)
            state.save(folder, stage, kept)
        if done % course.look_every == 0:
            save_curve(log.path, folder / f"{stage}-loss.png")
            if look is not None:
                with average.shown():
                    look(folder / f"{stage}-{done:07d}.png")
    average.give()
    module.eval()


def _go_on(module: nn.Module, average: "Average", reached: state.State | None, crew: Crew) -> int:
    if reached is None:
        return 0
    module.load_state_dict({name: value.to(crew.device) for name, value in reached.weights.items()})
    average.take(reached.average)
    return reached.step


class Average:
    """An exponential moving average of a module's weights: what is shipped."""

    def __init__(self, module: nn.Module, *, keep: float) -> None:
        self._module = module
        self._keep = keep
        self._updates = 0
        self.weights = {
            name: each.detach().clone()
            for name, each in module.named_parameters()
            if each.requires_grad
        }

    @torch.no_grad()
    def update(self) -> None:
        """Move towards the module's weights, fast at first."""
        self._updates += 1
        keep = min(self._keep, (1 + self._updates) / (10 + self._updates))
        for name, each in self._module.named_parameters():
            if name in self.weights:
                self.weights[name].lerp_(each.detach(), 1 - keep)

    @torch.no_grad()
    def take(self, weights: Mapping[str, Tensor]) -> None:
        """Start from a kept average instead."""
        self._updates = 10**6
        for name, value in weights.items():
            self.weights[name].copy_(value)

    @contextmanager
    def shown(self) -> Generator[None]:
        """Let the module have the average for a while."""
        own = {name: each.detach().clone() for name, each in self._module.named_parameters()}
        self.give()
        self._module.eval()
        try:
            yield
        finally:
            with torch.no_grad():
                for name, each in self._module.named_parameters():
                    each.copy_(own[name])
            self._module.train()

    @torch.no_grad()
    def give(self) -> None:
        """Put the average into the module."""
        for name, each in self._module.named_parameters():
            if name in self.weights:
                each.copy_(self.weights[name])


class LossLog:
    """Writes the smoothed loss as CSV, step by step, for people to look at while it goes."""

    def __init__(self, path: Path, *, every: int = 25) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._every = every
        self._smooth: float | None = None
        self._began = time.monotonic()
        if not path.exists():
            self._write("step", "seconds", "loss")

    def note(self, step: int, loss: float) -> None:
        """Take one step's loss."""
        before = loss if self._smooth is None else self._smooth
        self._smooth = SLOW_LOSS * before + (1 - SLOW_LOSS) * loss
        if step % self._every == 0:
            self._write(step, round(time.monotonic() - self._began, 1), round(self._smooth, 5))

    def _write(self, *values: object) -> None:
        with self.path.open("a", newline="") as file:
            csv.writer(file).writerow(values)
