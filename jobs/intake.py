"""Takes a finished video over from its backend: stream, decode to the end, scale, tag, keep."""

import logging
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from jobs.errors import MediaError
from jobs.model import Artifact, Job, MediaInfo, Receipt
from jobs.ports import ArtifactStore, Clock, Media, Provider, Rendering
from jobs.retry import retry_delay

logger = logging.getLogger(__name__)


class Intake:
    """What happens to a file between a backend and our disk."""

    def __init__(
        self, *, artifacts: ArtifactStore, media: Media, clock: Clock, version: str
    ) -> None:
        self._artifacts = artifacts
        self._media = media
        self._clock = clock
        self._version = version

    async def take(
        self, job: Job, provider: Provider, receipt: Receipt
    ) -> tuple[Artifact, Receipt]:
        """Return the kept file and its receipt, with what the backend really used.

        What was paid for and is no video is downloaded once more: the fault may lie on the way.

        Raises:
            ProviderError: The file cannot be had.
            MediaError: It is not the video that it should be.
            StorageFullError: The disk is full.
        """
        for is_last in (not provider.is_paid, True):
            try:
                async with provider.fetch(job) as rendering:
                    return await self._keep(job, rendering, receipt)
            except MediaError as error:
                if is_last:
                    raise
                logger.warning("Job %s: %s", job.id, error, extra={"action": "job_fetch_again"})
                await self._artifacts.discard(job)
                await self._clock.sleep(retry_delay(1, None).total_seconds())
        raise AssertionError("the last try returns or raises")

    async def _keep(
        self, job: Job, rendering: Rendering, before: Receipt
    ) -> tuple[Artifact, Receipt]:
        part = await self._artifacts.receive(job, rendering.chunks)
        rendered = await self._media.probe(part)
        info = await self._scaled(job, part, rendered)
        effective = {
            **before.effective,
            **rendering.effective,
            **_measured(info),
            **_scaled_from(rendered, info),
        }
        receipt = before.evolve(
            model_hash=effective.pop("model_hash", before.model_hash),
            effective=effective,
            versions={"flipbook": self._version, **rendering.versions},
            timings_s=_timings_s(job, self._clock.now()),
        )
        await self._media.tag(part, receipt)
        return await self._artifacts.keep(job, part, info), receipt

    async def _scaled(self, job: Job, part: Path, info: MediaInfo) -> MediaInfo:
        """Bring a video to the size that an API client asked for, if the model could not."""
        api = job.address.api
        if api is None or api.width is None or api.height is None:
            return info
        if (api.width, api.height) == (info.width, info.height):
            return info
        return await self._media.scale(part, api.width, api.height)


def _scaled_from(rendered: MediaInfo, info: MediaInfo) -> Mapping[str, object]:
    """Return what the model really drew, where the file is another size."""
    if (rendered.width, rendered.height) == (info.width, info.height):
        return {}
    return {"rendered_width": rendered.width, "rendered_height": rendered.height}


def _measured(info: MediaInfo) -> Mapping[str, object]:
    """Return what the file itself says, which counts more than what its backend says of it."""
    size = {"width": info.width, "height": info.height, "frames": info.frames}
    if not info.duration_s:
        return size
    fps = round(info.frames / info.duration_s, 2)
    return {**size, "fps": int(fps) if fps.is_integer() else fps}


def _timings_s(job: Job, now: datetime) -> dict[str, float]:
    started, rendered = job.started_at or now, job.rendered_at or now
    return {
        "waited": round((started - job.created_at).total_seconds(), 3),
        "rendered": round((rendered - started).total_seconds(), 3),
    }
