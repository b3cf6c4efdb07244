"""The rows of the table, the most important first: how each is measured, and what it costs."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import torch

from benchmarks.gpu import levers
from benchmarks.gpu.cold import first_job
from benchmarks.gpu.engines import Ours, Place, Stock
from benchmarks.gpu.models import Models, write_models
from benchmarks.gpu.notes import Notes, Values, timed
from benchmarks.gpu.orders import JOBS, TRIAL, Job, cut_down, order_of
from benchmarks.gpu.work import measure_ceiling, teraflop
from providers.local.engine.adapters import adapted
from providers.local.engine.encode import Recipe, write_video
from providers.local.engine.speed import PLAIN, Shape, Speed
from providers.local.wire import RenderOrder

Measure = Callable[[], Values]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measurement; `cost_s` is what it is expected to take, so that a budget can be kept."""

    cost_s: float
    measure: Measure


class Bench:
    """Everything that the rows share.

    Args:
        place: Where is measured.
        notes: What was found before; the later rows read the earlier ones there.
        folder: For the models.
        is_cut_down: Tiny jobs, to prove the code on a CPU.
    """

    def __init__(self, place: Place, notes: Notes, folder: Path, *, is_cut_down: bool) -> None:
        self._place = place
        self._notes = notes
        self._folder = folder
        self._is_cut_down = is_cut_down
        self._compiler = "inductor" if place.is_gpu else "aot_eager"
        self._runs = 1 if is_cut_down else 3
        self._stock: Stock | None = None
        self._ours: tuple[Speed, Ours] | None = None

    def rows(self) -> Mapping[str, Row]:
        """Return all rows, in order."""
        table: dict[str, Row] = {
            "ceiling": Row(cost_s=8, measure=lambda: dict(measure_ceiling(self._place))),
            "models": Row(cost_s=25, measure=self._written),
            "seed_job": Row(cost_s=40, measure=lambda: self._plain("seed_job")),
            "seed_job_stock": Row(cost_s=70, measure=lambda: self._beside("seed_job")),
            "stages": Row(cost_s=15, measure=self._stages),
        }
        for name in levers.PREDICTED:
            cost = 150 if name in levers.UNET_COMPILED else 15
            table[f"lever_{name}"] = Row(cost_s=cost, measure=lambda name=name: self._lever(name))
        table["seed_job_fast"] = Row(cost_s=120, measure=lambda: self._fast("seed_job"))
        table["switches"] = Row(cost_s=15, measure=self._switches)
        for name in ("novita", "four_steps", "sixteen", "seed_job_30"):
            cost = 90 if name == "novita" else 30
            table[name] = Row(cost_s=cost, measure=lambda name=name: self._plain(name))
            table[f"{name}_fast"] = Row(
                cost_s=cost + 60, measure=lambda name=name: self._fast(name)
            )
        for name in ("four_steps", "sixteen", "seed_job_30", "novita"):
            cost = 200 if name == "novita" else 60
            table[f"{name}_stock"] = Row(cost_s=cost, measure=lambda name=name: self._beside(name))
        table["cold"] = Row(cost_s=30, measure=lambda: self._cold("cold", []))
        table["cold_compiled"] = Row(cost_s=260, measure=self._cold_compiled)
        return table

    @cached_property
    def _models(self) -> Models:
        return write_models(self._folder, self._place.device, is_cut_down=self._is_cut_down)

    def _job(self, name: str) -> Job:
        return cut_down(JOBS[name]) if self._is_cut_down else JOBS[name]

    def _written(self) -> Values:
        started = perf_counter()
        models = self._models
        self._place.wait()
        return {
            "models_written_s": round(perf_counter() - started, 1),
            "parameters_millions": models.millions,
        }

    def _plain(self, name: str) -> Values:
        return self._timed(name, name, self._engine(PLAIN))

    def _fast(self, name: str) -> Values:
        """Time a job with all levers that were worth it."""
        names = levers.chosen(self._notes.values.get("levers", {}))
        job = self._job(name)
        shape = Shape(
            width=job.width, height=job.height, frames=job.frames, is_guided=job.guidance > 1
        )
        graphs = "graphs" in names and self._place.is_gpu
        speed = replace(
            levers.speed_of(names), compiler=self._compiler, has_graphs=graphs, shapes=(shape,)
        )
        return {"levers_chosen": names} | self._timed(name, f"{name}_fast", self._engine(speed))

    def _beside(self, name: str) -> Values:
        if self._stock is None:
            self._ours = None
            self._place.tidy()
            self._stock = Stock(self._place, order_of(self._job(name), self._models))
        return self._timed(name, f"{name}_stock", self._stock)

    def _engine(self, speed: Speed) -> Ours:
        """Return our engine; only one, and none beside stock, so that memory is told apart."""
        self._stock = None
        if self._ours is None or self._ours[0] != speed:
            self._ours = None
            self._place.tidy()
            self._ours = (speed, Ours(self._place, speed))
        return self._ours[1]

    def _timed(self, name: str, title: str, engine: Ours | Stock) -> Values:
        """Time a job from text to file: once to warm up, then for the median."""
        job, place = self._job(name), self._place
        order = order_of(job, self._models)
        first_s = place.time(lambda: engine.make(order))
        if not self._is_cut_down:
            engine.make(order)
        if place.is_gpu:
            torch.cuda.reset_peak_memory_stats()
        found = timed(title, [place.time(lambda: engine.make(order)) for _ in range(self._runs)])
        work = teraflop(job)
        return found | {
            f"{title}_first_s": round(first_s, 2),
            f"{title}_peak_gib": place.peak_gib(),
            f"{title}_teraflop": round(work, 2),
            f"{title}_tflops": round(work / found[f"{title}_s"], 3),
        }

    def _lever(self, name: str) -> Values:
        found = self._notes.values.get("levers", {})
        return {"levers": {**found, name: self._trials.measure(name)}}

    @cached_property
    def _trials(self) -> levers.Trials:
        self._ours = self._stock = None
        job = TRIAL
        if self._is_cut_down:  # with steps and windows enough for every lever to act
            job = replace(cut_down(TRIAL), steps=TRIAL.steps, frames=24)
        return levers.Trials(self._place, order_of(job, self._models), compiler=self._compiler)

    def _stages(self) -> Values:
        """Share out the seed's job; waiting for each part makes the whole a little longer."""
        ours, order = self._engine(PLAIN), order_of(self._job("seed_job"), self._models)
        pipe = ours.shelf.get(order.files)
        parts = {"text": pipe.text_encoder, "unet": pipe.unet, "vae": pipe.vae.decoder}
        spent: dict[str, float] = dict.fromkeys(parts, 0.0)
        ours.make(order)
        hooks = [hook for name, part in parts.items() for hook in self._watch(name, part, spent)]
        total = self._place.time(lambda: ours.make(order))
        for hook in hooks:
            hook.remove()
        alone = self._encode(ours, order)
        spent["rest_and_last_of_encoding"] = total - sum(spent.values())
        found = {f"stage_{name}_s": round(seconds, 4) for name, seconds in spent.items()}
        shares = {name: round(seconds / total, 4) for name, seconds in spent.items()}
        return found | {"stage_encode_alone_s": round(alone, 4), "stage_shares": shares}

    def _watch(self, name: str, part: Any, spent: dict[str, float]) -> list[Any]:  # noqa: ANN401
        began = [0.0]

        def begin(*_: object) -> None:
            self._place.wait()
            began[0] = perf_counter()

        def end(*_: object) -> None:
            self._place.wait()
            spent[name] += perf_counter() - began[0]

        return [part.register_forward_pre_hook(begin), part.register_forward_hook(end)]

    def _encode(self, ours: Ours, order: RenderOrder) -> float:
        """Time the file alone; in a job it is written while the rest is decoded."""
        frames, request = ours.frames(order)[1], order.request
        recipe = Recipe(
            kind=request.format, width=request.width, height=request.height, fps=request.fps
        )
        path = self._place.scratch / "alone.mp4"
        return median(
            self._place.time(lambda: write_video([frames], path, recipe, tell=lambda _: None))
            for _ in range(self._runs)
        )

    def _switches(self) -> Values:
        """Time another checkpoint, and a LoRA on and off, on an engine that has seen both."""
        shelf, job = self._engine(PLAIN).shelf, self._job("seed_job")
        orders = [order_of(job, self._models, at=at) for at in (0, 1, 0)]
        for order in orders:
            shelf.get(order.files)
        took = [
            self._place.time(lambda order=order: shelf.get(order.files))
            for order in (orders[1], orders[0]) * self._runs
        ]
        dressed = order_of(job, self._models, has_lora=True)
        loras = [self._place.time(lambda: self._dress(dressed)) for _ in range(self._runs + 1)]
        return timed("checkpoint_switch", took) | timed("lora_on_and_off", loras[1:])

    def _dress(self, order: RenderOrder) -> None:
        ours = self._engine(PLAIN)
        pipe = ours.shelf.get(order.files)
        with adapted(pipe, loras=order.request.loras, files=order.files):
            pass

    def _cold(self, title: str, names: list[str], cache: Path | None = None) -> Values:
        """Time a fresh worker's first job."""
        self._ours = self._stock = None
        self._place.tidy()
        found = first_job(
            order_of(self._job("seed_job"), self._models),
            device=self._place.device,
            levers=names,
            cache=cache or self._folder / "no-cache",
            scratch=self._place.scratch,
        )
        return {f"{title}_{name}": seconds for name, seconds in found.items()}

    def _cold_compiled(self) -> Values:
        """Time it with an empty compile cache, and then with what that one left there."""
        names = levers.chosen(self._notes.values.get("levers", {})) or ["compile"]
        if not any(name in names for name in levers.UNET_COMPILED) and self._place.is_gpu:
            names.append("compile")
        cache = Path(tempfile.mkdtemp(dir=self._folder))
        empty = self._cold("cold_cache_empty", names, cache)
        return empty | self._cold("cold_cache_warm", names, cache) | {"cold_levers": names}
