"""Measures what a model's folder can do, on scenes that no training has seen.

`python -m training.shapes.measure [FOLDER] [--quick]` prints tables in Markdown; progress goes to
stderr. The same seed asks for the same clips: those of `--quick` are the first of a full run.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from training.shapes.judging.cases import base_request, shares_of, trials, try_out
from training.shapes.judging.judge import judge
from training.shapes.judging.renders import Engine, Pixels, Stock, to_bytes
from training.shapes.judging.tables import (
    ATTRIBUTES,
    Share,
    Verdict,
    by_attribute,
    class_table,
    share_table,
    table,
)
from training.shapes.learning.plan import CPU
from training.shapes.scenes.captions import Said, caption
from training.shapes.scenes.world import Scene, World

CLAIMED: World = CPU.world
FOLDER = Path("providers/local/models/shapes")
BATCH = 4  # prompts a call: more are not faster on a CPU
QUICK = 40  # prompts
QUICK_REPEATS = 8  # clips that are rendered again
TIMED = 3  # clips


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """One plain prompt, and what its clip shows."""

    prompt: str
    seed: int
    verdict: Verdict
    names_size: bool


@dataclass(slots=True, kw_only=True)
class Repeats:
    """Whether a seed gives the same frames again, and how far another seed's are from them."""

    same: list[bool] = field(default_factory=list[bool])
    differences: list[float] = field(default_factory=list[float])


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that was measured; `cases` is empty after a quick run."""

    clips: Sequence[Clip]
    repeats: Repeats
    cases: dict[str, dict[str, Share]]
    seconds_per_clip: float
    megabytes: float

    @property
    def verdicts(self) -> list[Verdict]:
        """Those of the plain prompts."""
        return [clip.verdict for clip in self.clips]


def main() -> None:
    """Measure the folder named on the command line."""
    arguments = _arguments()
    report = measure(arguments)
    print(written(report))
    if arguments.json:
        arguments.json.write_text(json.dumps(as_json(report, arguments), indent=2) + "\n")


def measure(arguments: argparse.Namespace) -> Report:
    """Render and judge everything that the arguments ask for."""
    stock = Stock(
        arguments.folder,
        device=arguments.device,
        steps=arguments.steps,
        guidance=arguments.guidance,
    )
    repeats = Repeats()
    clips = list(_plain_clips(stock, arguments, repeats))
    return Report(
        clips=clips,
        repeats=repeats,
        cases={} if arguments.quick else _cases(arguments),
        seconds_per_clip=_seconds_per_clip(stock, clips[0].prompt),
        megabytes=megabytes(arguments.folder),
    )


def asked(world: World, *, count: int, seed: int) -> list[tuple[Scene, Said, int]]:
    """Return held-out scenes, their captions, and a seed for each clip."""
    rng = random.Random(f"{seed} plain")
    rows: list[tuple[Scene, Said, int]] = []
    for _ in range(count):
        scene = world.held_out_scene(rng)
        rows.append((scene, caption(scene, rng, complete=True), rng.randrange(2**32 - 1)))
    return rows


def _plain_clips(stock: Stock, arguments: argparse.Namespace, repeats: Repeats) -> Iterator[Clip]:
    rows = asked(CLAIMED, count=arguments.prompts, seed=arguments.seed)
    again = QUICK_REPEATS if arguments.quick else max(QUICK_REPEATS, arguments.special)
    for start in range(0, len(rows), BATCH):
        scenes, said, seeds = zip(*rows[start : start + BATCH], strict=True)
        prompts = [each.text for each in said]
        pixels = stock.render(prompts, seeds)
        if start < again:
            compare(
                repeats,
                pixels,
                same=stock.render(prompts, seeds),
                other=stock.render(prompts, [each + 1 for each in seeds]),
            )
        for scene, words, seed, each in zip(scenes, said, seeds, pixels, strict=True):
            verdict = Verdict(scene=scene, judgement=judge(to_bytes(each)))
            names_size = words.figures[0].size is not None
            yield Clip(prompt=words.text, seed=seed, verdict=verdict, names_size=names_size)
        _tell("plain prompts", start + len(scenes), len(rows))


def compare(repeats: Repeats, pixels: Pixels, *, same: Pixels, other: Pixels) -> None:
    """Note how clips (clips, frames, height, width, 3; 0-1) compare with those made anew."""
    for mine, twin, stranger in zip(pixels, same, other, strict=True):
        repeats.same.append(bool(np.array_equal(mine, twin)))
        repeats.differences.append(float(np.abs(mine - stranger).mean()))


def _cases(arguments: argparse.Namespace) -> dict[str, dict[str, Share]]:
    engine = Engine(arguments.folder, device=arguments.device)
    base = base_request(steps=arguments.steps, guidance=arguments.guidance)
    named = trials(base, CLAIMED, count=arguments.special, seed=arguments.seed)
    shares: dict[str, dict[str, Share]] = {}
    for name, each in named.items():
        outcomes = [try_out(trial, engine.render) for trial in each]
        shares[name] = shares_of(outcomes)
        _tell(f"{name}, right", shares[name]["all"].right, shares[name]["all"].of)
    return shares


def _seconds_per_clip(stock: Stock, prompt: str) -> float:
    """Return the median time of single clips, on the threads that torch may use."""
    taken: list[float] = []
    for seed in range(TIMED):
        began = time.perf_counter()
        stock.render([prompt], [seed])
        taken.append(time.perf_counter() - began)
    return median(taken)


def megabytes(folder: Path) -> float:
    """Return the size of all files of a folder, in units of 1,000,000 bytes."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def written(report: Report) -> str:
    """Write a report in Markdown."""
    named = [each for each in report.clips if each.names_size]
    shares = {
        **by_attribute(report.verdicts),
        "size, where it is named": Share.of_those(each.verdict.is_right("size") for each in named),
        "same seed, same frames": Share.of_those(report.repeats.same),
    }
    numbers = [
        ("another seed: mean difference (0-1), mean", f"{np.mean(report.repeats.differences):.3f}"),
        ("another seed: mean difference, least", f"{min(report.repeats.differences):.3f}"),
        ("seconds a clip", f"{report.seconds_per_clip:.2f}"),
        ("threads", torch.get_num_threads()),
        ("folder, MB", f"{report.megabytes:.2f}"),
    ]
    parts = [share_table("attribute", shares), table(("measure", "value"), numbers)]
    if report.cases:
        parts.append(case_table(report.cases))
    parts += [class_table(report.verdicts, each) for each in ATTRIBUTES]
    return "\n\n".join(parts)


def case_table(cases: dict[str, dict[str, Share]]) -> str:
    """Write the special cases: all that counts together, then each attribute's number."""
    rows: list[tuple[object, ...]] = []
    for name, shares in cases.items():
        together = shares["all"]
        interval = "{:.2f}-{:.2f}".format(*together.interval)
        single = [shares[each].right for each in ATTRIBUTES]
        closed = shares["closed"].right if "loop" in name else "-"
        value = f"{together.value:.2f}"
        rows.append((name, together.right, together.of, value, interval, *single, closed))
    head = ("special case", "all four", "of", "share", "95 % interval", *ATTRIBUTES, "closed")
    return table(head, rows)


def as_json(report: Report, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return a report with every clip, for whoever looks at single ones."""
    return {
        "settings": {name: str(value) for name, value in vars(arguments).items()},
        "attributes": {name: asdict(each) for name, each in by_attribute(report.verdicts).items()},
        "repeats": asdict(report.repeats),
        "cases": {
            name: {each: asdict(share) for each, share in shares.items()}
            for name, shares in report.cases.items()
        },
        "seconds_per_clip": report.seconds_per_clip,
        "megabytes": report.megabytes,
        "clips": [asdict(clip) for clip in report.clips],
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.shapes.measure", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER)
    parser.add_argument("--prompts", type=_count, default=300, help="held-out prompts (300)")
    parser.add_argument("--special", type=_count, default=40, help="prompts of each case (40)")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--guidance", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=1, help="of scenes, wordings and clips")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path, help="write everything to this file, too")
    parser.add_argument("--quick", action="store_true", help="40 prompts, no special cases")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.prompts = min(arguments.prompts, QUICK)
    return arguments


def _count(text: str) -> int:
    """Read how many to measure; nothing can be told of none."""
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{number} is too few; it takes at least 1")
    return number


def _tell(name: str, done: int, of: int) -> None:
    print(f"{name}: {done} of {of}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
