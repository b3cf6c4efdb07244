"""`python -m training.shapes`: one command from nothing to the folder that is shipped.

Stopped at any moment, the same command goes on from the last state in the work folder.
"""

import argparse
import logging
from functools import partial
from pathlib import Path

import torch

from training.shapes.learning.crew import Crew, work
from training.shapes.learning.plan import PLANS
from training.shapes.learning.stages import train_all
from training.shapes.learning.workshop import Workshop

OUT = Path("providers/local/models/shapes")
WORK = Path("data/training/shapes")


def main() -> None:
    """Train by the plan that fits this machine, or by the one that is named."""
    parser = argparse.ArgumentParser(prog="python -m training.shapes")
    parser.add_argument("out", type=Path, nargs="?", default=OUT, help="the folder to write")
    parser.add_argument("--work", type=Path, default=WORK, help="where the states are kept")
    parser.add_argument(
        "--start", type=Path, help="a written folder: train only its outlines further"
    )
    parser.add_argument("--plan", choices=list(PLANS), help="default: by whether there is a GPU")
    parser.add_argument("--processes", type=int, help="on a CPU; default: one for each core")
    options = parser.parse_args()
    plan = options.plan or ("gpu" if torch.cuda.is_available() else "cpu")
    task = partial(_train, folder=options.work, plan=plan, out=options.out, start=options.start)
    work(task, processes=options.processes)


def _train(crew: Crew, *, folder: Path, plan: str, out: Path, start: Path | None) -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    train_all(Workshop(folder=folder, plan=PLANS[plan], crew=crew), out, start=start)


if __name__ == "__main__":
    main()
