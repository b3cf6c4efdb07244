"""What fake services have in common: they count bills, serve videos, call back, and misbehave.

A fake runs inside a test (`async with FakeX().open() as fake`) or as a process of its own, which
is told what to do through `POST /_control` and asked through `GET /_bills` and `GET /_until`.
Nothing in it waits for time: what is held waits for its release, what renders for its looks.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp
from aiohttp import web

from tests.fakes.faults import Fault, Gate, Handler, Kind, Place, misbehave
from tests.fakes.films import Film, sample_video, send_video, shoot

SETTABLE = ("looks_until_done", "eta_s", "sends_webhooks")


@dataclass(slots=True, kw_only=True)
class FakeJob:
    """A submit that was taken on, and billed.

    Attributes:
        body: As it was sent, with the key.
        hook_url: Where it wants to be called back.
        info: What the service says that it uses.
        looks: How often it was asked after.
        is_done: A webhook has said so.
    """

    id: str
    body: dict[str, Any]
    hook_url: str | None = None
    info: dict[str, Any] = field(default_factory=dict[str, Any])
    looks: int = 0
    is_done: bool = False


FAULT: web.RequestKey[Fault | None] = web.RequestKey("fault")
JOB = web.RequestKey("job", FakeJob)


class FakeService:
    """A hosted provider; a subclass speaks its language.

    Attributes:
        jobs: Everything that was billed, by id.
        looks_until_done: How often a job answers "not yet".
        eta_s: What a submit promises.
        sends_webhooks: Whether a job that was taken on calls back by itself.
        heard: The status that each webhook was answered with; 0 where nobody was there.
        counts: How often each `Place` was asked; `bill`, and `held` for what is held right now.
        shoots_as_asked: Videos have the size and length that was asked, instead of a small one.
        url: The base URL, while it is open.
    """

    def __init__(self, *, key: str = "a-key-of-the-fake") -> None:
        self.key = key
        self.jobs: dict[str, FakeJob] = {}
        self.looks_until_done = 0
        self.eta_s = 0.0
        self.sends_webhooks = True
        self.heard: list[int] = []
        self.counts: Counter[str] = Counter()
        self.video = b""
        self.shoots_as_asked = False
        self.url = ""
        self._faults: list[Fault] = []
        self._changed = asyncio.Condition()
        self._gate = Gate(lambda change: self.note("held", change))
        self._calls: set[asyncio.Task[None]] = set()
        self._app = web.Application()

    # What a subclass brings.

    def add_routes(self) -> None:
        """Call `route` for each path."""
        raise NotImplementedError

    def webhook_body(self, job: FakeJob) -> dict[str, Any]:
        """Return what a webhook about a finished job says."""
        raise NotImplementedError

    def film_of(self, job: FakeJob) -> Film:
        """Return what the video of a job is like, if it is made as it was asked."""
        raise NotImplementedError

    # What a test does.

    @asynccontextmanager
    async def open(self, port: int = 0) -> AsyncGenerator[Self]:
        """Listen on loopback until the context is left."""
        self.video = self.video or sample_video()
        self._add_all_routes()
        runner = web.AppRunner(self._app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
            host, bound = runner.addresses[0][:2]
            self.url = f"http://{host}:{bound}"
            yield self
        finally:
            self.sends_webhooks = False
            self.release(drop=True)
            for call in self._calls:
                call.cancel()
            await asyncio.gather(*self._calls, return_exceptions=True)
            await runner.cleanup()

    def script(self, place: Place, kind: Kind, **values: Any) -> None:
        """Add trouble; what was scripted first strikes first."""
        self._faults.append(Fault(place=Place(place), kind=Kind(kind), **values))

    def release(self, *, drop: bool = False) -> None:
        """Let go on what is held now, or cut it."""
        self._gate.release(drop=drop)

    @property
    def bills(self) -> list[dict[str, Any]]:
        """What was billed: id and body of every submit that was taken on, without the key."""
        return [{"id": job.id, "body": without_key(job.body)} for job in self.jobs.values()]

    async def until(self, **counts: int) -> None:
        """Wait until so many of something were counted, e.g. `until(submit=1, held=1)`."""
        async with self._changed:
            await self._changed.wait_for(
                lambda: all(self.counts[name] >= least for name, least in counts.items())
            )

    async def call_back(self, *ids: str) -> None:
        """Send the webhooks of these jobs, or of all, and wait for their answers."""
        for job in [self.jobs[one] for one in ids] or list(self.jobs.values()):
            await self._send_webhook(job)

    # What a subclass uses.

    def route(self, method: str, path: str, handler: Handler, place: Place) -> None:
        """Answer a path, with the trouble that is scripted for its place in `request[FAULT]`."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            await self.note(place)
            fault = request[FAULT] = self._next_fault(place)
            try:
                if fault is None:
                    return await handler(request)
                return await misbehave(request, fault, handler, self._gate)
            finally:
                if JOB in request:
                    self._start_webhook(request[JOB])

        self._app.router.add_route(method, path, guarded)

    async def take_on(self, request: web.Request, job: FakeJob) -> None:
        """Bill a submit; from now on it is a job."""
        self.jobs[job.id] = job
        request[JOB] = job
        await self.note("bill")

    def is_done(self, job: FakeJob) -> bool:
        """Count a look at a job, and say whether it is done."""
        job.looks += 1
        job.is_done = job.is_done or job.looks > self.looks_until_done
        return job.is_done

    def video_url(self, job: FakeJob) -> str:
        """Return where a job's video lies."""
        return f"{self.url}/videos/{job.id}.mp4"

    async def note(self, what: str, change: int = 1) -> None:
        """Count something, for whoever waits for it."""
        async with self._changed:
            self.counts[what] += change
            self._changed.notify_all()

    # How it works inside.

    def _add_all_routes(self) -> None:
        self.add_routes()
        self.route("GET", "/videos/{name}", self._send_video, Place.VIDEO)
        self._app.router.add_post("/_control", self._control)
        self._app.router.add_get("/_bills", self._bills)
        self._app.router.add_get("/_until", self._until)

    def _next_fault(self, place: Place) -> Fault | None:
        for fault in self._faults:
            if fault.place == place and fault.times > 0:
                return fault if fault.strikes() else None
        return None

    async def _send_video(self, request: web.Request) -> web.StreamResponse:
        job = self.jobs.get(request.match_info["name"].removesuffix(".mp4"))
        video = shoot(self.film_of(job)) if job and self.shoots_as_asked else self.video
        return await send_video(request, video, request[FAULT])

    def _start_webhook(self, job: FakeJob) -> None:
        if job.hook_url and self.sends_webhooks:
            call = asyncio.create_task(self._send_webhook(job), name=f"webhook of {job.id}")
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)

    async def _send_webhook(self, job: FakeJob) -> None:
        fault = self._next_fault(Place.WEBHOOK)
        kind = fault.kind if fault else None
        if kind is Kind.LOST or not job.hook_url:
            return
        if kind is Kind.HOLD and await self._gate.hold():
            return
        job.is_done = True
        about = FakeJob(id="999999999", body=job.body) if kind is Kind.FORGED else job
        for _ in range(3 if kind is Kind.DUPLICATE else 1):
            self.heard.append(await post(job.hook_url, self.webhook_body(about)))
            await self.note(Place.WEBHOOK)

    # How another process talks to it.

    async def _control(self, request: web.Request) -> web.Response:
        """Do what a JSON object says: `faults`, `forget_faults`, `release`, `drop_held`, …"""
        asked: dict[str, Any] = await request.json()
        if asked.get("forget_faults"):
            self._faults.clear()
        for fault in asked.get("faults", []):
            self.script(**fault)
        for name in SETTABLE:
            setattr(self, name, asked.get(name, getattr(self, name)))
        if asked.get("release") or asked.get("drop_held"):
            self.release(drop=bool(asked.get("drop_held")))
        if ids := asked.get("call_back"):
            await self.call_back(*([] if ids is True else ids))
        return self._state()

    async def _bills(self, _: web.Request) -> web.Response:
        return web.json_response(self.bills)

    async def _until(self, request: web.Request) -> web.Response:
        await self.until(**{name: int(least) for name, least in request.query.items()})
        return self._state()

    def _state(self) -> web.Response:
        return web.json_response({"counts": self.counts, "heard": self.heard})


def without_key(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "key"}


async def post(url: str, body: dict[str, Any]) -> int:
    """Send a webhook; return its answer's status, or 0 if there was none."""
    timeout = aiohttp.ClientTimeout(total=30)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(url, json=body) as response,
        ):
            return response.status
    except (aiohttp.ClientError, TimeoutError):
        return 0
