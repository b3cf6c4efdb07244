"""A Novita door on a real socket, over the real queue, for two API keys."""

import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.web.counter import Counter
from bot.web.gate import Bars, Gate
from bot.web.novita import NovitaDoor
from bot.web.server import open_front_door
from jobs.aliases import Aliases
from jobs.keys import PREFIX, digest_of
from jobs.model import Address, ApiAddress, Failure, Job, JobId, Origin, Progress
from jobs.states import JobState
from storage.keys import SqliteKeyStore
from tests.factories import NOW, after, make_artifact, make_job, make_receipt, make_token
from tests.jobs.conftest import World, world

__all__ = ["world"]  # the fixture

FIXTURES = Path(__file__).parents[2] / "providers" / "novita" / "fixtures.json"
KEY = PREFIX + "k" * 43
OTHER = PREFIX + "o" * 43
WRONG = PREFIX + "w" * 43
TXT2VIDEO = "/v3/async/txt2video"

BODY: dict[str, Any] = {
    "model_name": "shapes",
    "height": 256,
    "width": 256,
    "steps": 20,
    "prompts": [{"frames": 16, "prompt": "a lighthouse"}],
}


class PlainLinks:
    """Links that nobody signed."""

    def url_of(self, job: Job, *, base: str, ttl_s: int) -> str:
        return f"{base}/files/{job.file_name}?{ttl_s}"


def make_api_job(api: ApiAddress | None = None, **overrides: Any) -> Job:
    """Return a job that was asked for at the Novita door."""
    address = Address(api=api or ApiAddress(protocol="novita"))
    return make_job(origin=Origin.API, address=address, **overrides)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def fault(self) -> tuple[int, str]:
        """Return status and reason of a refusal, which has to have the documented shape."""
        assert self.body.keys() == {"code", "reason", "message", "metadata"}
        assert self.body["code"] == self.status
        assert self.body["message"]
        assert self.body["metadata"] == {}
        return self.status, self.body["reason"]


@dataclass
class Door:
    """The door, and what stands behind it.

    Attributes:
        names: The aliases.
        progress: What backends said last.
        events: Addresses and bodies of the made-up events that were to be sent.
        event_error: Raised instead of sending one.
    """

    world: World
    keys: SqliteKeyStore
    names: dict[str, str] = field(default_factory=dict[str, str])
    progress: dict[JobId, Progress] = field(default_factory=dict[JobId, Progress])
    events: list[tuple[str, Mapping[str, Any]]] = field(
        default_factory=list[tuple[str, Mapping[str, Any]]]
    )
    event_error: Exception | None = None
    url: str = ""

    def build(self, bars: Bars) -> NovitaDoor:
        world = self.world
        counter = Counter(
            service=world.service,
            jobs=world.jobs,
            links=PlainLinks(),
            progress_of=self.progress.get,
        )
        return NovitaDoor(
            gate=Gate(keys=self.keys, clock=world.clock, bars=bars),
            counter=counter,
            catalogue=world.catalogue,
            aliases=Aliases(names=lambda: self.names, models=self._model_ids),
            send_event=self._send,
            clock=world.clock,
        )

    def _model_ids(self) -> set[str]:
        return {one.id for backend in self.world.catalogue.providers() for one in backend.models()}

    async def _send(self, url: str, body: Mapping[str, object]) -> None:
        if self.event_error is not None:
            raise self.event_error
        self.events.append((url, body))

    async def ask(self, method: str, path: str, *, key: str | None = KEY, **options: Any) -> Answer:
        headers = dict(options.pop("headers", {}))
        if key is not None:
            headers.setdefault("Authorization", f"Bearer {key}")
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.url + path, headers=headers, **options) as answer,
        ):
            assert answer.content_type == "application/json"
            return Answer(answer.status, await answer.json(), answer.headers)

    async def post(self, body: object, **options: Any) -> Answer:
        return await self.ask("POST", TXT2VIDEO, json=body, **options)

    async def submit(self, **changes: Any) -> Job:
        """Submit what has to be taken on, and return its job as it stands in the store."""
        headers = changes.pop("headers", {})
        answer = await self.post({**BODY, **changes}, headers=headers)
        assert answer.status == 200, answer.body
        assert answer.body.keys() == {"task_id"}
        return await self.world.jobs.get(JobId(answer.body["task_id"]))

    async def refused(self, **changes: Any) -> tuple[int, str]:
        """Submit what has to be refused, and return status and reason."""
        return (await self.post({**BODY, **changes})).fault

    async def look(self, job_id: str, *, key: str | None = KEY) -> Answer:
        params = {"task_id": job_id}
        return await self.ask("GET", "/v3/async/task-result", key=key, params=params)

    async def models(self, **query: str) -> Any:
        answer = await self.ask("GET", "/v3/model", params=query)
        assert answer.status == 200, answer.body
        return answer.body

    async def take(self, job: Job, *states: JobState, **changes: Any) -> Job:
        """Claim a job and take it through states, as the runner does."""
        jobs = self.world.jobs
        claimed = await jobs.claim("local", token=make_token(), now=NOW, lease_until=after(60))
        assert claimed is not None
        assert claimed.id == job.id
        for state in states:
            values: dict[str, Any] = {"state": state, "started_at": after(2)}
            if state is JobState.FETCHING:
                values["rendered_at"] = after(8)
            if state.is_final:
                values |= {"ended_at": after(9), **changes}
            claimed = await jobs.save(claimed, claimed.evolve(**values), now=after(9))
        return claimed

    async def finish(self, job: Job) -> Job:
        path = (JobState.RUNNING, JobState.FETCHING, JobState.READY, JobState.DELIVERING)
        receipt = make_receipt(job, seed=job.request.seed)
        artifact = make_artifact(job)
        return await self.take(job, *path, JobState.DONE, artifact=artifact, receipt=receipt)

    async def fail(self, job: Job, message: str) -> Job:
        failure = Failure(code="render_failed", message=message)
        states = (JobState.RUNNING, JobState.FAILED)
        return await self.take(job, *states, failure=failure)


@pytest.fixture
def bars() -> Bars:
    return Bars()


@pytest.fixture
def documented() -> dict[str, Any]:
    """Return the documented bodies by name; the provider of the same protocol is held to them."""
    cases: dict[str, Any] = json.loads(FIXTURES.read_text())
    return {name: case["body"] for name, case in cases.items() if name != "_about"}


@pytest.fixture
async def door(world: World, bars: Bars) -> AsyncGenerator[Door]:
    keys = SqliteKeyStore(world.database)
    for name, key in (("ana", KEY), ("ben", OTHER)):
        await keys.add_key(name, digest_of(key), requests_per_minute=None, now=NOW)
    door = Door(world, keys)
    async with open_front_door("127.0.0.1", 0, door.build(bars).routes()) as port:
        door.url = f"http://127.0.0.1:{port}"
        yield door
