"""A real database in a folder of its own, and small videos made with PyAV."""

from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest

from storage.database import Database
from storage.jobs import SqliteJobStore
from storage.quota.store import SqliteQuotaStore
from tests.fakes.quick_database import open_quickly
from tests.storage.people import World
from tests.storage.samples import write_gif, write_mp4


@pytest.fixture
async def database(tmp_path: Path) -> AsyncGenerator[Database]:
    async with open_quickly(tmp_path / "flipbook.db") as database:
        yield database


@pytest.fixture
def store(database: Database) -> SqliteJobStore:
    return SqliteJobStore(database)


@pytest.fixture
def quotas(database: Database) -> SqliteQuotaStore:
    return SqliteQuotaStore(database)


@pytest.fixture
def mp4(tmp_path: Path) -> Path:
    return write_mp4(tmp_path / "clip.mp4")


@pytest.fixture
def gif(tmp_path: Path) -> Path:
    return write_gif(tmp_path / "clip.gif")


@pytest.fixture
def file_of(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(content: bytes) -> Path:
        path = tmp_path / "file.mp4"
        path.write_bytes(content)
        return path

    return write


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return World(database, tmp_path)
