"""`python -m benchmarks.gpu`, or `make bench-gpu`: measure, note every row, print one table.

Each row is noted when it is done, so an interrupted run loses nothing and the next one goes on
where it ended. Without a GPU it says so and measures what a CPU can show.
"""

import argparse
import logging
import platform
import sys
import tempfile
import traceback
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from benchmarks import machine
from benchmarks.gpu.engines import Place
from benchmarks.gpu.notes import Notes
from benchmarks.gpu.report import report
from benchmarks.gpu.rows import Bench, Row

NOTES = Path(__file__).parents[1] / "gpu.json"
CPU_NOTES = NOTES.with_name("cpu.json")
LIBRARIES = ("torch", "diffusers", "transformers", "av", "triton")


def main() -> None:
    """Read the command line, measure, print."""
    arguments = _arguments()
    logging.basicConfig(level=logging.WARNING)
    is_gpu = torch.cuda.is_available()
    with tempfile.TemporaryDirectory(prefix="flipbook-bench-") as folder:
        place = Place(
            device="cuda:0" if is_gpu else "cpu",
            dtype=getattr(torch, arguments.dtype) if is_gpu else torch.float32,
            scratch=Path(folder),
        )
        notes = Notes(path=arguments.notes or (NOTES if is_gpu else CPU_NOTES))
        notes.begin(**_about(place, is_cut_down=arguments.cut_down))
        if is_gpu or arguments.cut_down:
            table = Bench(
                place, notes, Path(folder) / "models", is_cut_down=arguments.cut_down
            ).rows()
        else:
            _tell("There is no GPU here: only what a CPU can show is measured.")
            table = _cpu_rows(place, notes)
        _measure(table, notes, only=arguments.only, minutes=arguments.minutes)
    print(f"{machine.describe()}\n\n{report(notes.values)}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu")
    parser.add_argument("--only", nargs="+", default=[], help="these rows, also if noted already")
    parser.add_argument("--minutes", type=float, default=0.0, help="what does not fit is left out")
    parser.add_argument("--dtype", choices=("float16", "bfloat16"), default="float16")
    parser.add_argument("--cut-down", action="store_true", help="tiny jobs, to prove the code")
    parser.add_argument("--notes", type=Path, help="another file than benchmarks/gpu.json")
    return parser.parse_args()


def _about(place: Place, *, is_cut_down: bool) -> dict[str, Any]:
    name = torch.cuda.get_device_name() if place.is_gpu else platform.machine()
    versions = {"python": platform.python_version(), "cuda": torch.version.cuda}
    for library in LIBRARIES:
        try:
            versions[library] = version(library)
        except PackageNotFoundError:
            versions[library] = None
    return {
        "device": name,
        "dtype": str(place.dtype).removeprefix("torch."),
        "is_cut_down": is_cut_down,
        "versions": versions,
    }


def _cpu_rows(place: Place, notes: Notes) -> Mapping[str, Row]:
    from benchmarks.gpu import cpu  # noqa: PLC0415 - it needs more libraries than a GPU's rows

    torch.set_num_threads(max(1, torch.get_num_threads()))
    return {name: Row(cost_s=10, measure=run) for name, run in cpu.rows(place, notes).items()}


def _measure(table: Mapping[str, Row], notes: Notes, *, only: list[str], minutes: float) -> None:
    """Measure row after row; one that fails is told, and the others go on."""
    unknown = [name for name in only if name not in table]
    if unknown:
        sys.exit(f"There is no row {', '.join(unknown)}; there are: {', '.join(table)}")
    started = perf_counter()
    for name, row in table.items():
        if (only and name not in only) or (notes.has(name) and not only):
            continue
        if minutes and perf_counter() - started + row.cost_s > minutes * 60:
            _tell(f"{name}: left out, it may take {row.cost_s:.0f} s and the minutes are spent")
            continue
        _measure_one(name, row, notes)


def _measure_one(name: str, row: Row, notes: Notes) -> None:
    began = perf_counter()
    try:
        found = row.measure()
    except Exception as error:  # noqa: BLE001 - the other rows are worth having
        traceback.print_exc()
        failed = {**notes.values.get("failed", {}), name: str(error)[:300]}
        notes.values["failed"] = failed
        notes.save()
        return
    notes.values.get("failed", {}).pop(name, None)
    notes.add(name, found)
    tried = found.get("levers", found.get("embedded", {}))
    lever = tried.get(name.removeprefix("lever_"))
    _tell(f"{name} ({perf_counter() - began:.0f} s): {lever or found}")


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
