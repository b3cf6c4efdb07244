"""The door of this protocol over the real subject, with a backend that behaves."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from itertools import count
from typing import Any, cast

import aiohttp
import pytest
from typing_extensions import override

from bot.web.counter import Counter
from bot.web.delivery import ApiDelivery
from bot.web.files import Files
from bot.web.gate import Bars, Gate
from bot.web.modelslab.answers import callback_body
from bot.web.modelslab.door import V4_SUBMIT, ModelsLabDoor
from bot.web.modelslab.ids import job_id_of
from bot.web.modelslab.images import InitImages
from bot.web.server import open_front_door
from jobs.aliases import Aliases
from jobs.keys import PREFIX, digest_of
from jobs.model import Job, JobId, Origin, Progress, Standing
from jobs.runner import Runner
from jobs.service import Draws
from jobs.states import JobState
from providers.http import Http
from storage.keys import SqliteKeyStore
from storage.media.orders import PyAvMedia
from tests.factories import NOW
from tests.fakes.films import Film, shoot
from tests.fakes.provider import FakeProvider
from tests.jobs.conftest import World, world

__all__ = ["world"]  # the fixture

KEY = PREFIX + "k" * 43
OTHER_KEY = PREFIX + "o" * 43
WRONG_KEY = PREFIX + "w" * 43
FIRST_NUMBER = 31**8 // 2
Answer = dict[str, Any]

# The body of the v4 document, as it stands there; `key` is empty in it.
DOCUMENTED: Mapping[str, object] = {
    "model_id": "shapes",
    "prompt": "a cat sitting on a bench",
    "negative_prompt": None,
    "width": "512",
    "height": "512",
    "scheduler": None,
    "num_inference_steps": "30",
    "enhance_prompt": "yes",
    "guidance_scale": 7.5,
    "strength": 0.7,
    "seed": None,
    "webhook": None,
    "track_id": None,
}


class SilentTeller:
    """Keeps the webhooks that would be sent."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Mapping[str, object]]] = []

    async def add(
        self, url: str, body: Mapping[str, object], *, job_id: JobId | None = None
    ) -> None:
        del job_id
        self.told.append((url, body))


class SeenDelivery(ApiDelivery):
    """The real way back, which says what came along."""

    def __init__(self, *, teller: SilentTeller, links: Files) -> None:
        super().__init__(teller=teller, bodies={"modelslab": callback_body}, links=links)
        self.changed = asyncio.Condition()
        self.seen: set[tuple[JobId, JobState]] = set()

    @override
    async def show(
        self, job: Job, *, progress: Progress | None = None, standing: Standing | None = None
    ) -> None:
        await super().show(job, progress=progress, standing=standing)
        async with self.changed:
            self.seen.add((job.id, job.state))
            self.changed.notify_all()

    async def until(self, job_id: JobId, state: JobState) -> None:
        async with self.changed:
            await self.changed.wait_for(lambda: (job_id, state) in self.seen)


@dataclass
class House:
    """One Flipbook with this door, and a client with a key."""

    world: World
    files: Files
    delivery: SeenDelivery
    door: ModelsLabDoor
    teller: SilentTeller
    session: aiohttp.ClientSession
    aliases: dict[str, str]
    port: int = 0

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def send(
        self, path: str = V4_SUBMIT, *, status: int = 200, method: str = "POST", **options: Any
    ) -> Any:
        """Send one request and return its JSON."""
        if isinstance(options.get("data"), str | bytes):  # aiohttp's advice for large bodies
            data = options["data"]
            options["data"] = BytesIO(data.encode() if isinstance(data, str) else data)
        async with self.session.request(method, self.base + path, **options) as answer:
            assert answer.content_type == "application/json"
            told = await answer.json()
            assert answer.status == status, told
            return told

    async def ask(self, path: str = V4_SUBMIT, *, key: str | None = KEY, **fields: Any) -> Answer:
        """Ask with the body of the document, and other fields."""
        body = {**DOCUMENTED, **fields} if path == V4_SUBMIT else fields
        return await self.send(path, json={"key": key, **body})

    async def fetch(self, number: object, *, key: str = KEY, version: str = "v3") -> Answer:
        path = {"v3": "/api/v3/dreambooth/fetch", "v6": "/api/v6/video/fetch"}[version]
        return await self.send(f"{path}/{number}", json={"key": key})

    async def job(self, number: int) -> Job:
        return await self.world.jobs.get(job_id_of(number))

    async def only_job(self) -> Job:
        return await self.job(FIRST_NUMBER)

    @asynccontextmanager
    async def rendering(self) -> AsyncGenerator[Runner]:
        """Run what renders and delivers."""
        runner = self.world.new_runner()
        deliveries = cast("dict[Origin, Any]", runner._board._deliveries)  # pyright: ignore[reportPrivateUsage] - shared by all it made
        deliveries[Origin.API] = self.delivery
        task = asyncio.create_task(runner.run(drain_s=2))
        try:
            yield runner
        finally:
            runner.stop()
            await task

    async def until(self, number: int, state: JobState) -> None:
        await self.delivery.until(job_id_of(number), state)


@pytest.fixture
def bars() -> Bars:
    """Return limits that no test meets by chance."""
    return Bars()


@pytest.fixture
def plays_real_files() -> bool:
    """Say whether the backend's videos are real ones, which are really looked into."""
    return False


@pytest.fixture
async def house(world: World, bars: Bars, *, plays_real_files: bool) -> AsyncIterator[House]:
    if plays_real_files:
        world.media = cast("Any", PyAvMedia())
        world.become(FakeProvider(video=shoot(Film(width=256, height=256, frames=30))))
    numbers = count(FIRST_NUMBER)
    world.service._draws = Draws(  # pyright: ignore[reportPrivateUsage] - ids of real letters
        job_id=lambda: job_id_of(next(numbers)), seed=lambda: 4242
    )
    keys = SqliteKeyStore(world.database)
    for name, key in (("ana", KEY), ("ben", OTHER_KEY)):
        await keys.add_key(name, digest_of(key), requests_per_minute=None, now=NOW)
    files = Files(secret=b"s" * 32, jobs=world.jobs, artifacts=world.artifacts, clock=world.clock)
    teller, aliases = SilentTeller(), dict[str, str]()
    delivery = SeenDelivery(teller=teller, links=files)
    counter = Counter(
        service=world.service, jobs=world.jobs, links=files, progress_of=delivery.progress_of
    )
    async with Http.open(own=[]) as http, aiohttp.ClientSession() as session:
        door = ModelsLabDoor(
            gate=Gate(keys=keys, clock=world.clock, bars=bars),
            counter=counter,
            links=files,
            aliases=Aliases(
                names=lambda: aliases, models=lambda: [one.id for one in world.provider.models()]
            ),
            images=InitImages(http=http),
        )
        house = House(
            world=world,
            files=files,
            delivery=delivery,
            door=door,
            teller=teller,
            session=session,
            aliases=aliases,
        )
        async with open_front_door("127.0.0.1", 0, [*door.routes(), *files.routes()]) as port:
            house.port = port
            yield house
