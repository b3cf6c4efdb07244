"""Packs what is stored about a person into a file that they take along.

`account.json` has what hangs on no single video, `videos/ID.json` has each video with its receipt
and with the link to the message, and `videos/ID.mp4` the video itself as long as there is room.
"""

import asyncio
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO

from jobs.ports import Clock, PrivacyStore, VideoFolder
from jobs.privacy.records import JobRecord, Whose

MAX_BYTES = 9 * 1024**2  # Discord takes 10 MiB everywhere
PAGE = 100
ENTRY_BYTES = 300  # what a zip needs for an entry beside its content

README = """\
What Flipbook stores about you.

account.json      what hangs on no single video: limits, extras, blocks, acts, the books
videos/ID.json    a video: what you asked for, what became of it, its receipt, the link to it
videos/ID.mp4     the video itself, the newest first as long as there was room

Times are UTC. In the books, video_ms is in milliseconds and money_micros in millionths. What is
a secret of the bot, such as the token of an interaction, is left out, and so is who did what was
done to you: a moderator's id is theirs.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A file to take along.

    Attributes:
        videos: How many videos are told of in it.
        files: How many of them are in it themselves.
        is_whole: Every video is told of.
        lacks_files: A video is on the disk for which there was no room.
    """

    name: str
    content: bytes
    videos: int
    files: int
    is_whole: bool
    lacks_files: bool


class Takeout:
    """Packs; every call is held to the person who asks."""

    def __init__(
        self, *, store: PrivacyStore, files: VideoFolder, clock: Clock, max_bytes: int = MAX_BYTES
    ) -> None:
        self._store = store
        self._files = files
        self._clock = clock
        self._max_bytes = max_bytes

    async def pack(self, whose: Whose) -> Package:
        """Return all that is stored about a person, as far as it fits into one message."""
        bag = _Bag(self._max_bytes)
        bag.add("README.txt", README.encode())
        account = await self._store.account(whose)
        is_whole = await asyncio.to_thread(bag.add_json, "account.json", account.rows)
        names: list[str] = []
        number, before = 0, None
        while is_whole and (page := await self._store.jobs(whose, before=before, limit=PAGE)):
            before = page[-1].number
            added = await asyncio.to_thread(_add_records, bag, page)
            number += added
            is_whole = added == len(page)
            names += [one.file for one in page[:added] if one.file]
        files, lacks_files = await self._add_files(bag, names)
        return Package(
            name=f"flipbook-{self._clock.now():%Y-%m-%d}.zip",
            content=bag.close(),
            videos=number,
            files=files,
            is_whole=is_whole,
            lacks_files=lacks_files,
        )

    async def _add_files(self, bag: "_Bag", names: Sequence[str]) -> tuple[int, bool]:
        """Add videos, newest first, as long as there is room; a large one stops no small one."""
        files, lacks_files = 0, False
        for name in names:
            if bag.room <= ENTRY_BYTES:
                return files, True
            content = await self._files.read(name, max_bytes=bag.room - ENTRY_BYTES)
            if content is None:
                lacks_files = True
            elif bag.add(f"videos/{name}", content, is_packed=True):
                files += 1
        return files, lacks_files


class _Bag:
    """A zip in memory that never grows beyond its size."""

    def __init__(self, max_bytes: int) -> None:
        self._buffer = BytesIO()
        self._zip = zipfile.ZipFile(self._buffer, "w", zipfile.ZIP_DEFLATED)
        self._max_bytes = max_bytes
        self._entries = 0

    @property
    def room(self) -> int:
        """How many bytes are left."""
        return self._max_bytes - self._buffer.tell() - ENTRY_BYTES * (self._entries + 1)

    def add(self, name: str, content: bytes, *, is_packed: bool = False) -> bool:
        """Add a file; False if there may be no room."""
        if len(content) > self.room - ENTRY_BYTES:
            return False
        kind = zipfile.ZIP_STORED if is_packed else zipfile.ZIP_DEFLATED
        self._zip.writestr(name, content, kind)
        self._entries += 1
        return True

    def add_json(self, name: str, content: Mapping[str, object]) -> bool:
        """Add what JSON can say."""
        return self.add(name, json.dumps(content, indent=1, ensure_ascii=False).encode())

    def close(self) -> bytes:
        """Return the whole file."""
        self._zip.close()
        return self._buffer.getvalue()


def _add_records(bag: _Bag, records: Sequence[JobRecord]) -> int:
    """Add videos until one finds no room; return how many were added."""
    for number, record in enumerate(records):
        content = {**record.content, "link": record.link or None}
        if not bag.add_json(f"videos/{record.id}.json", content):
            return number
    return len(records)
