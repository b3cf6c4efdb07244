"""`python -m bot render`: one video without Discord, through the same service and runner."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from bot.app import Parts, open_parts
from bot.files import FileDelivery, HeldDelivery
from bot.settings import Settings
from jobs.errors import FlipbookError, RequestError
from jobs.model import Address, Job, JobId, Origin, Outcome, Progress, Requester, Standing
from jobs.ports import Delivery
from jobs.prompts import parse_ids, parse_loras, parse_prompt
from jobs.request import Aspect, ProviderName, Quality, Scheduler, VideoFormat, VideoRequest
from jobs.service import Ask
from jobs.states import JobState

NUMBERS = {
    "width": int,
    "height": int,
    "frames": int,
    "fps": int,
    "steps": int,
    "guidance_scale": float,
    "seed": int,
    "clip_skip": int,
    "strength": float,
}
CHOICES = {
    "provider": ProviderName,
    "format": VideoFormat,
    "quality": Quality,
    "aspect": Aspect,
    "scheduler": Scheduler,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the request's fields as options of the same names."""
    parser.add_argument("prompt", help="what to show; parts: 'a seed | 24: a sprout | a tree'")
    parser.add_argument("-o", "--output", type=_path, required=True, metavar="FILE")
    parser.add_argument("--negative-prompt", default="")
    parser.add_argument("--model", help="an id of `models`; the default model if left out")
    for name, kind in NUMBERS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind)
    for name, choices in CHOICES.items():
        parser.add_argument(f"--{name}", choices=[choice.value for choice in choices])
    parser.add_argument("--loras", default="", help="id:strength, id")
    parser.add_argument("--embeddings", default="", help="id, id")
    parser.add_argument("--image", type=Path, help="an init image")
    parser.add_argument("--closed-loop", action="store_true")
    parser.add_argument("--enhance-prompt", action="store_true")
    parser.add_argument("--data-dir", type=Path, help="queue in this data folder, and keep it")
    parser.add_argument("--json", action="store_true", help="print the receipt")


def _path(text: str) -> Path:
    return Path(text).resolve()


def request_from(arguments: argparse.Namespace) -> VideoRequest:
    """Build the request; an option that was not given stays open."""
    given = vars(arguments)
    fields = {name: given[name] for name in (*NUMBERS, *CHOICES) if given[name] is not None}
    return VideoRequest.model_validate(
        {
            **fields,
            "segments": parse_prompt(arguments.prompt),
            "negative_prompt": arguments.negative_prompt,
            "model": arguments.model,
            "loras": parse_loras(arguments.loras),
            "embeddings": parse_ids(arguments.embeddings),
            "closed_loop": arguments.closed_loop,
            "enhance_prompt": arguments.enhance_prompt,
        }
    )


def check_output(output: Path) -> None:
    """Refuse what cannot be written before anything is rendered for it.

    Raises:
        RequestError: It is a folder or a device, or lies in no folder.
    """
    if not output.parent.is_dir():
        raise RequestError(f"{output.parent} is not a folder.", field="output")
    if output.exists() and not output.is_file():
        raise RequestError(f"{output} is no plain file.", field="output")


async def render(settings: Settings, arguments: argparse.Namespace) -> Job:
    """Render one video and return its job as it ended.

    Raises:
        FlipbookError: The request is wrong, or the render failed.
    """
    output: Path = arguments.output
    check_output(output)
    request = request_from(arguments)
    with tempfile.TemporaryDirectory(prefix="flipbook-") as scratch:
        store_dir = arguments.data_dir or Path(scratch)
        async with open_parts(settings, store_dir=store_dir) as parts:
            if arguments.image is not None:
                content = await asyncio.to_thread(_read_image, arguments.image)
                request = request.evolve(image=await parts.service.accept_image(content))
            return await _run_one(parts, request, output)


async def _run_one(parts: Parts, request: VideoRequest, output: Path) -> Job:
    delivery = ProgressDelivery(FileDelivery())
    elsewhere = HeldDelivery(parts.clock)
    runner = parts.runner(dict.fromkeys(Origin, elsewhere) | {Origin.CLI: delivery})
    running = asyncio.create_task(runner.run(drain_s=1.0), name="runner")
    try:
        waiting = asyncio.create_task(_until_ended(parts, delivery, request, output), name="ended")
        await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            waiting.cancel()
            raise FlipbookError("The queue stopped.") from running.exception()
        return waiting.result()
    finally:
        runner.stop()
        await running


async def _until_ended(
    parts: Parts, delivery: "ProgressDelivery", request: VideoRequest, output: Path
) -> Job:
    """Ask, and wait for this very job: a kept data folder may have others of ours."""
    job_id = await _ask(parts, request, output)
    while True:
        delivery.ended.clear()
        job = await parts.jobs.get(job_id)
        if job.state.is_final or job.state is JobState.UNCONFIRMED:
            return job
        await delivery.ended.wait()


async def _ask(parts: Parts, request: VideoRequest, output: Path) -> JobId:
    asked = await parts.service.ask(
        Ask(
            origin=Origin.CLI,
            origin_key=f"render:{parts.clock.now().isoformat()}:{output}",
            requester=Requester(),
            address=Address(path=str(output)),
            request=request,
        )
    )
    for warning in asked.job.warnings:
        print(warning, file=sys.stderr)
    return asked.job.id


def _read_image(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"`image`: {path} cannot be read ({error.strerror})."
        raise RequestError(message, field="image") from error


class ProgressDelivery:
    """Prints where the job is, and says when it ended."""

    def __init__(self, inner: Delivery) -> None:
        self._inner = inner
        self.ended = asyncio.Event()

    async def show(
        self, job: Job, *, progress: Progress | None = None, standing: Standing | None = None
    ) -> None:
        """Print one line to stderr for each piece of news."""
        del standing
        line = f"{job.id} {job.state}"
        if progress is not None:
            share = f" {progress.fraction:.0%}" if progress.fraction is not None else ""
            line += f": {progress.stage}{share}"
        print(line, file=sys.stderr)
        if job.state.is_final or job.state is JobState.UNCONFIRMED:
            self.ended.set()

    async def deliver(self, job: Job, file: Path) -> Outcome:
        """Pass on to the file's delivery."""
        return await self._inner.deliver(job, file)


def report(job: Job, *, as_json: bool) -> None:
    """Print what came of the job.

    Raises:
        FlipbookError: It did not end with a video.
    """
    if job.failure is not None or job.receipt is None:
        raise FlipbookError(job.failure.message if job.failure else f"The job is {job.state}.")
    if as_json:
        print(job.receipt.model_dump_json(indent=2))
    else:
        print(job.address.path)
