"""An export holds all that is stored about one member, and nothing else."""

import io
import json
import zipfile
from collections.abc import Mapping

from jobs.moderation.acts import ActKind
from jobs.privacy.records import Whose
from jobs.privacy.takeout import Takeout
from storage.moderation.cases import SqliteCaseStore
from tests.factories import NOW, make_act
from tests.storage.people import ADA, BEN, HERE, World


async def test_an_export_holds_what_is_stored_and_no_secret(world: World) -> None:
    job = await world.make(ADA, HERE)
    await world.make(BEN, HERE)
    open_job = await world.ask(ADA, HERE)
    for what in ("limit", "extra", "block"):
        await world.do((what, ADA, HERE, 1))
    package = await world.takeout.pack(Whose(user_id=ADA, guild_id=None))
    assert (package.videos, package.files, package.is_whole) == (2, 1, True)
    found = unzipped(package.content)
    assert found[f"videos/{job.id}.mp4"] == b"video of " + job.id.encode()
    told = json.loads(found[f"videos/{job.id}.json"])
    assert told["receipt"]["seed"] == 7
    assert told["link"] == f"https://discord.com/channels/{HERE}/3003/55"
    assert [one["to_state"] for one in told["events"]][-1] == "done"
    account = json.loads(found["account.json"])
    assert [account[name] != [] for name in ("limits", "extras", "blocks", "bookings")] == 4 * [
        True
    ]
    whole = b"".join(found.values()).decode(errors="replace")
    assert open_job.address.token
    assert open_job.address.token not in whole
    assert str(BEN) not in whole.replace(f"<@{BEN}>", "")


async def test_an_export_without_room_says_so(world: World) -> None:
    for _ in range(3):
        await world.make(ADA, HERE)
    small = Takeout(store=world.store, files=world.files, clock=world.clock, max_bytes=30_000)
    package = await small.pack(Whose(user_id=ADA, guild_id=HERE))
    assert package.is_whole
    tiny = Takeout(store=world.store, files=world.files, clock=world.clock, max_bytes=8_000)
    package = await tiny.pack(Whose(user_id=ADA, guild_id=HERE))
    assert not package.is_whole
    assert len(package.content) <= 8_000


async def test_a_video_that_moderators_removed_is_no_file_and_has_no_link(world: World) -> None:
    kept, removed = [await world.make(ADA, HERE) for _ in range(2)]
    cases = SqliteCaseStore(world.database)
    act = make_act(guild_id=HERE, kind=ActKind.VIDEO_REMOVE)
    await cases.mark_taken_down(await cases.remove(removed.id, act=act))
    whose = Whose(user_id=ADA, guild_id=HERE)
    holdings = await world.store.holdings(whose, now=NOW)
    assert (holdings.videos, holdings.files) == (2, 1)
    assert kept.artifact is not None
    assert holdings.file_bytes == kept.artifact.size
    package = await world.takeout.pack(whose)
    assert (package.videos, package.files, package.lacks_files) == (2, 1, False)
    assert json.loads(unzipped(package.content)[f"videos/{removed.id}.json"])["link"] is None


def unzipped(content: bytes) -> Mapping[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as found:
        return {name: found.read(name) for name in found.namelist()}
