"""`GET /files/{token}.mp4`: finished videos, for whoever has a link that was signed for them.

A link needs no key, because players and other people's servers fetch it; so it names one file,
ends at a time, and holds an HMAC over both. Nothing is looked up before that is checked, and
there is no other way to find a file.
"""

import asyncio
import hashlib
import hmac
import logging
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from typing_extensions import override

from jobs.errors import NotFoundError, StorageError
from jobs.model import Job, JobId
from jobs.ports import ArtifactStore, Clock, JobStore, ValueStore
from jobs.request import VideoFormat

logger = logging.getLogger(__name__)

SECRET = "files:secret"  # noqa: S105 - the name under which it is kept
SECRET_BYTES = 32
SEND_S = 600.0  # for a whole file; who reads more slowly is cut off and may ask for the rest

# Only what can be a token gets through to the handler.
PATH = (
    "/files/{job_id:[A-Za-z0-9_]{1,64}}-{expires:[0-9]{1,12}}-{mac:[0-9a-f]{64}}.{format:mp4|gif}"
)
TYPES = {VideoFormat.MP4: "video/mp4", VideoFormat.GIF: "image/gif"}
NO_SNIFFING = {"X-Content-Type-Options": "nosniff"}


class Files:
    """Makes links to finished videos, and answers them.

    Args:
        secret: Signs links; who has it can read every file.
        jobs: Finds jobs by their ids.
        artifacts: Knows where their files lie.
        clock: Tells the time.
        send_s: Seconds in which a client has to have read a file.
    """

    def __init__(
        self,
        *,
        secret: bytes,
        jobs: JobStore,
        artifacts: ArtifactStore,
        clock: Clock,
        send_s: float = SEND_S,
    ) -> None:
        self._secret = secret
        self._jobs = jobs
        self._artifacts = artifacts
        self._clock = clock
        self._send_s = send_s

    @classmethod
    async def open(
        cls, values: ValueStore, *, jobs: JobStore, artifacts: ArtifactStore, clock: Clock
    ) -> Self:
        """Build it with the secret of this installation, which is drawn the first time.

        Raises:
            StorageError: The secret can be neither read nor kept.
        """
        secret = await values.get_value(SECRET)
        if secret is None:
            secret = secrets.token_hex(SECRET_BYTES)
            await values.set_value(SECRET, secret)
        return cls(secret=bytes.fromhex(secret), jobs=jobs, artifacts=artifacts, clock=clock)

    def url_of(self, job: Job, *, base: str, ttl_s: int) -> str:
        """Return an address that whoever has it may fetch a job's file from.

        Args:
            job: One that has, or will have, a file.
            base: Scheme and host, and whatever the path has to begin with.
            ttl_s: Seconds until it stops working.
        """
        kind, expires = job.request.format.value, int(self._clock.now().timestamp()) + ttl_s
        mac = self._mac(job.id, str(expires), kind)
        return f"{base.rstrip('/')}/files/{job.id}-{expires}-{mac}.{kind}"

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        """Return the one route, for GET and HEAD."""
        return [web.get(PATH, self._send)]

    async def _send(self, request: web.Request) -> web.StreamResponse:
        job_id, kind = request.match_info["job_id"], VideoFormat(request.match_info["format"])
        expires, mac = request.match_info["expires"], request.match_info["mac"]
        if not hmac.compare_digest(mac, self._mac(job_id, expires, kind)):
            return _refused(404, "There is no such file.")
        left_s = int(expires) - self._clock.now().timestamp()
        if left_s <= 0:
            return _refused(410, "This link has expired.")
        job = await self._job(JobId(job_id))
        file = await self._file_of(job)
        if job is None or file is None:
            return _refused(404, "There is no such file.")
        headers = {
            **NO_SNIFFING,
            "Content-Type": TYPES[kind],
            "Content-Disposition": f'inline; filename="{job.file_name}"',
            "Cache-Control": f"private, max-age={int(left_s)}",
        }
        return _TimedFile(file, send_s=self._send_s, headers=headers)

    async def _job(self, job_id: JobId) -> Job | None:
        try:
            return await self._jobs.get(job_id)
        except NotFoundError:
            return None
        except StorageError:
            logger.exception("File not looked up", extra={"action": "file_lost"})
            raise web.HTTPServiceUnavailable from None

    async def _file_of(self, job: Job | None) -> Path | None:
        """Return where a job's file lies, unless it is gone."""
        if job is None or job.artifact is None:
            return None
        path = self._artifacts.path(job.artifact)
        return path if await asyncio.to_thread(path.is_file) else None

    def _mac(self, job_id: str, expires: str, kind: str) -> str:
        return hmac.digest(
            self._secret, f"{job_id}-{expires}.{kind}".encode(), hashlib.sha256
        ).hex()


class _TimedFile(web.FileResponse):
    """A file, or the range of it that is asked for, that has to be read within a time."""

    def __init__(self, path: Path, *, send_s: float, headers: Mapping[str, str]) -> None:
        super().__init__(path, headers=headers)
        self._send_s = send_s

    @override
    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        try:
            async with asyncio.timeout(self._send_s):
                return await super().prepare(request)
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
            raise ConnectionResetError("The reader was too slow.") from None


def _refused(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text, headers=NO_SNIFFING)
