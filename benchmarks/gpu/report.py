"""Writes what was noted as one table for people, with the aims and what came of them."""

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.gpu.orders import JOBS
from benchmarks.table import Row, table

AIMS = {  # of issue and docs, in seconds
    **{f"{name}_s": job.aim_s for name, job in JOBS.items() if job.aim_s},
    **{f"{name}_fast_s": job.aim_s for name, job in JOBS.items() if job.aim_s},
    "checkpoint_switch_s": 0.2,
    "cold_cache_warm_done_s": 20.0,
}
STOCK_AIM = 2.2  # times as fast as stock diffusers
OURS = {"": "", "_fast": ", all levers that gained", "_stock": ", stock diffusers"}


def report(values: Mapping[str, Any]) -> str:
    """Return head, table and what is missing."""
    versions = ", ".join(f"{name} {number}" for name, number in values["versions"].items())
    lines = [f"device: {values['device']}, {values['dtype']}", versions, ""]
    if values.get("is_cut_down"):
        lines.insert(0, "CUT DOWN: tiny jobs that prove the code and say nothing of speed.")
    lines.append(table(list(_rows(values))))
    lines += [f"{name} failed: {error}" for name, error in values.get("failed", {}).items()]
    return "\n".join(lines)


def _rows(values: Mapping[str, Any]) -> Iterator[Row]:
    told: set[str] = set()
    for name, job in JOBS.items():
        for end, by in OURS.items():
            if f"{name}{end}_s" in values:
                told |= {key for key in values if key.startswith(f"{name}{end}_")}
                yield Row(
                    what=f"{job.title}{by}",
                    measured=_job(values, f"{name}{end}"),
                    aim=_aim(f"{name}{end}_s"),
                )
        yield from _gain(values, name)
    for name, found in values.get("levers", {}).items():
        yield Row(what=f"lever {name}", measured=_lever(found))
    for name, found in values.get("embedded", {}).items():
        yield Row(what=f"embedded model, {name}", measured=_embedded(found))
    for key, value in values.items():
        if isinstance(value, int | float) and key not in told and not isinstance(value, bool):
            yield Row(what=key, measured=_number(values, key), aim=_aim(key))


def _job(values: Mapping[str, Any], name: str) -> str:
    text = f"{_number(values, f'{name}_s')}; {values[f'{name}_tflops']} TFLOP/s"
    peak = values[f"{name}_peak_gib"]
    return f"{text}, {peak} GiB, first {values[f'{name}_first_s']} s" if peak else text


def _gain(values: Mapping[str, Any], name: str) -> Iterator[Row]:
    ours = values.get(f"{name}_fast_s") or values.get(f"{name}_s")
    stock = values.get(f"{name}_stock_s")
    if ours and stock:
        aim = f">= {STOCK_AIM} times" if name == "seed_job" else ""
        yield Row(
            what=f"{name}: stock's time over ours", measured=f"{stock / ours:.2f} times", aim=aim
        )


def _lever(found: Mapping[str, Any]) -> str:
    return (
        f"{found['measured']} times (predicted {found['predicted']}), first {found['first_s']} s, "
        f"PSNR {found['frames_psnr_db']} dB, embedded model's {found['embedded_psnr_db']} dB, "
        f"latents {found['latents_db']} dB"
    )


def _embedded(found: Mapping[str, Any]) -> str:
    text = f"PSNR {found['psnr_db']} dB, latents {found['latents_db']} dB"
    if "gain" not in found:
        return text
    low, high, count = found["gain_range"]
    return f"{text}, {found['gain']} times, {low} to {high} (n={count} pairs)"


def _number(values: Mapping[str, Any], key: str) -> str:
    if not key.endswith("_s"):
        return str(values[key])
    found = values.get(f"{key.removesuffix('_s')}_range_s")
    text = f"{values[key]:.3g} s"
    return f"{text}, {found[0]:.3g} to {found[1]:.3g} (n={found[2]})" if found else text


def _aim(key: str) -> str:
    return f"<= {AIMS[key]:g} s" if key in AIMS else ""
