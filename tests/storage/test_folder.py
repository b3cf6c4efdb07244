import asyncio
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from jobs.errors import StorageError, StorageLockedError
from storage.folder import DataFolder

HOLD = """
import sys
from pathlib import Path
from storage.folder import DataFolder
with DataFolder(root=Path(sys.argv[1])).hold():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_holding_a_folder_makes_what_is_missing(tmp_path: Path) -> None:
    folder = DataFolder(root=tmp_path / "new" / "data")
    with folder.hold():
        assert folder.videos.is_dir()
        assert folder.database.parent == folder.root
    assert folder.root.stat().st_mode & 0o077 == 0


def test_a_held_folder_is_refused_by_name_and_free_afterwards(tmp_path: Path) -> None:
    folder = DataFolder(root=tmp_path)
    with folder.hold(), pytest.raises(StorageLockedError, match=str(tmp_path)), folder.hold():
        pass
    with folder.hold():
        pass


async def test_a_killed_holder_leaves_the_folder_free(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    holder = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"held\n"
    with pytest.raises(StorageLockedError), DataFolder(root=tmp_path).hold():
        pass
    holder.kill()
    await holder.communicate()
    with DataFolder(root=tmp_path).hold():
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    root = tmp_path / "file" / "data"
    with pytest.raises(StorageError, match=str(root)), DataFolder(root=root).hold():
        pass
