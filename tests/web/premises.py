"""The whole HTTP door as `serve` mounts it: real books and files, a backend that behaves."""

import asyncio
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bot.app import Parts, open_parts
from bot.doors import open_doors
from bot.settings import load_settings
from bot.web.server import open_front_door
from jobs.aliases import ANY
from jobs.estimate import Estimator
from jobs.ids import draw_job_id
from jobs.keys import PREFIX, digest_of
from jobs.model import Origin
from jobs.ports import Media
from jobs.request import MAX_SEED, ProviderName
from jobs.service import Draws, Service
from providers.local.library.aliases import write_aliases
from providers.registry import Registry
from storage.keys import SqliteKeyStore
from tests.factories import NOW
from tests.fakes.media import VIDEO, FakeMedia
from tests.fakes.provider import SHAPES, FakeProvider
from tests.fakes.quick_database import make_quickly

KEY = PREFIX + "k" * 43
ANY_NUMBER = "1000000000"  # of requests a minute: what is tried here is not patience


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """One Flipbook that serves, its address, and what renders behind it."""

    url: str
    provider: FakeProvider


@asynccontextmanager
async def open_premises(
    folder: Path, *, video: bytes = VIDEO, media: Media | None = None
) -> AsyncGenerator[Premises]:
    """Serve everything, with one key and every model's name leading to the one model."""
    settings = load_settings(
        FLIPBOOK_DATA_DIR=folder,
        LOCAL_ENABLED="off",
        FLIPBOOK_STRANGER_REQUESTS_PER_MINUTE=ANY_NUMBER,
        FLIPBOOK_KEY_REQUESTS_PER_MINUTE=ANY_NUMBER,
    )
    settings.models_dir.mkdir(parents=True)
    write_aliases(settings.models_dir, {ANY: SHAPES.id})
    make_quickly(folder / "flipbook.db")
    async with open_parts(settings) as opened:
        provider = FakeProvider(video=video)
        parts = _over(opened, provider, media or FakeMedia())
        keys = SqliteKeyStore(parts.database)
        await keys.add_key("ana", digest_of(KEY), requests_per_minute=None, now=NOW)
        async with open_doors(parts) as doors:
            runner = parts.runner({Origin.API: doors.delivery})
            running = asyncio.create_task(runner.run(drain_s=0), name="runner")
            try:
                async with open_front_door("127.0.0.1", 0, doors.routes({})) as port:
                    yield Premises(url=f"http://127.0.0.1:{port}", provider=provider)
            finally:
                runner.stop()
                await running


def _over(parts: Parts, provider: FakeProvider, media: Media) -> Parts:
    """Return the parts with another backend than the settings would give."""
    catalogue = Registry(providers=[provider], default=ProviderName.LOCAL)
    estimator = Estimator(jobs=parts.jobs, slots=lambda _: provider.slots)
    service = Service(
        jobs=parts.jobs,
        quotas=parts.quotas,
        catalogue=catalogue,
        artifacts=parts.artifacts,
        media=media,
        notices=parts.notices,
        estimator=estimator,
        clock=parts.clock,
        draws=Draws(job_id=draw_job_id, seed=lambda: secrets.randbelow(MAX_SEED + 1)),
        prices=parts.prices,
    )
    return replace(parts, catalogue=catalogue, media=media, estimator=estimator, service=service)
