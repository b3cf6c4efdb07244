"""`python -m bot models`: list, add, remove, verify, mark and name what the engine renders with.

It needs no Discord and no torch, and may be called while the bot runs, which notices changes
within two seconds (docs/models.md).
"""

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import rmtree
from threading import Event
from typing import TypeVar

from bot.clock import SystemClock
from bot.findings import Finding
from bot.model_aliases import alias
from bot.model_options import wishes_of
from bot.settings import Settings, child_environment
from jobs.errors import FlipbookError, RequestError, SettingsError
from jobs.request import ModelInfo
from providers.local.library.adding import Added, Adder, Wishes, id_from
from providers.local.library.aliases import AliasesError
from providers.local.library.catalogue import ModelCatalogue
from providers.local.library.families import Family
from providers.local.library.hub import HubId, fetch, read_hub_id
from providers.local.library.inventory import Inventory, Row, verify
from providers.local.library.marking import mark
from providers.local.library.registry import RegistryError, Source, registry_lock
from providers.local.library.roots import ModelRoots
from providers.local.library.weights import BrokenFileError

DOWNLOADS = ".hub"
HEADINGS = ("ID", "FAMILY", "KIND", "MOTION", "CHECKER", "AGE", "FROM", "STATE")
GENERIC = ("diffusion_pytorch_model", "model", "pytorch_lora_weights")  # say nothing as an id


Result = TypeVar("Result")


async def models(settings: Settings, arguments: argparse.Namespace) -> int:
    """Run one of them; return the exit code.

    Raises:
        RequestError: What was asked for cannot be done; nothing was changed.
        SettingsError: The registry is broken, or another command is at work.
    """
    try:
        return await _carry_out(Workshop(settings), arguments)
    except (RegistryError, AliasesError) as error:
        message = f"{error}; repair it, or move it away: models work without it, too."
        raise SettingsError(message) from error
    except BrokenFileError as error:
        raise RequestError(f"{error}.", field="models") from error
    except OSError as error:
        raise FlipbookError(f"{settings.models_dir}: {error.strerror}.") from error


async def _carry_out(shop: "Workshop", arguments: argparse.Namespace) -> int:
    match arguments.action:
        case "add":
            await shop.add(arguments)
        case "remove":
            shop.remove(arguments.id, arguments.family)
        case "verify":
            return 0 if await shop.verify(arguments.ids) else 1
        case "mark":
            await shop.mark(arguments.id, is_age_restricted=arguments.age_restricted == "yes")
        case "alias":
            shop.alias(arguments)
        case _:
            shop.show()
    return 0


@dataclass(frozen=True, slots=True)
class Workshop:
    """The models folder, and what is done in it."""

    settings: Settings

    @property
    def root(self) -> Path:
        """The operator's models folder."""
        return self.settings.models_dir.absolute()

    def _parts(self) -> tuple[ModelRoots, ModelCatalogue, Inventory]:
        """Look anew, as a bot does that runs beside this command."""
        roots = ModelRoots(own=self.root)
        catalogue = ModelCatalogue(roots, clock=SystemClock())
        return roots, catalogue, Inventory(roots, catalogue)

    def show(self) -> None:
        """Print everything, and then what is wrong with the registry, if anything is."""
        _, catalogue, inventory = self._parts()
        rows = inventory.rows()
        table = [HEADINGS, *map(_cells, rows)]
        last = len(HEADINGS) - 1
        widths = [max(len(row[column]) for row in table) for column in range(last)]
        for row in table:
            print("  ".join([*map(str.ljust, row, widths), row[last]]).rstrip())
        for name in catalogue.faults().keys() - {row.id for row in rows}:
            print(f"flipbook: {catalogue.faults()[name]}", file=sys.stderr)

    async def add(self, arguments: argparse.Namespace) -> None:
        """Add what is named, and print what it is."""
        wishes = wishes_of(arguments)
        path = Path(arguments.source)
        hub_id = None if is_there(path) else read_hub_id(arguments.source, file=arguments.file)
        if hub_id is None and arguments.file:
            raise RequestError("`--file` is for repositories of the Hub.", field="models")
        with registry_lock(self.root):
            if hub_id is None:
                source = Source(name=name_of(path))
                await self._add(path, source, wishes, may_move=False)
                return
            async with self._fetched(hub_id) as (place, source):
                await self._add(place, source, _named(wishes, hub_id, place), may_move=True)

    @asynccontextmanager
    async def _fetched(self, hub_id: HubId) -> AsyncGenerator[tuple[Path, Source]]:
        """Have a repository's files in the models folder, under a name that is not offered."""
        folder = self.root / DOWNLOADS
        rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        env = child_environment(
            {"PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
        )
        print(f"Fetching {hub_id.repository} from the Hub", file=sys.stderr)
        try:
            inner = folder / hub_id.repository.rpartition("/")[2]
            fetched = await fetch(hub_id, inner, python=sys.executable, env=env)
            source = Source(name=hub_id.repository, revision=fetched.revision, file=hub_id.file)
            yield fetched.place, source
        finally:
            rmtree(folder, ignore_errors=True)

    async def _add(self, path: Path, source: Source, wishes: Wishes, *, may_move: bool) -> None:
        roots, catalogue, _ = self._parts()
        added = await _in_thread(
            lambda should_stop: Adder(roots, catalogue, should_stop=should_stop).add(
                path, source, wishes, may_move=may_move
            )
        )
        self._tell(added)

    def _tell(self, added: Added) -> None:
        """Print what was found, and whether it can be used now."""
        _, catalogue, inventory = self._parts()
        found, item = added.found, added.item
        kind = f", {found.motion}" if item.kind is None and found.motion else ""
        kind = f", {item.kind}" if item.kind else kind
        lines = {
            "family": f"{item.family}{kind} ({found.layout})",
            "holds": ", ".join(found.parts),
            "tensors": str(found.tensors or ""),
            "width": str(found.width or ""),
            "vectors": str(found.vectors or ""),
            "size": _bytes(item.size),
            "sha256": item.sha256,
            "from": str(item.source),
            "triggers": ", ".join(item.trigger_words),
            "notes": "; ".join(found.notes),
        }
        print(f"Added {added.id}")
        for name, value in lines.items():
            if value:
                print(f"  {name:<9} {value}")
        entry = catalogue.entry(added.id) if item.family is Family.CHECKPOINT else None
        if entry is not None and entry.motion is not None:
            print(f"  {'motion':<9} {entry.motion.id}")
        if entry is not None and entry.info is not None:
            _tell_of_safety(entry.info)
        if entry is not None and entry.info is None:
            print(f"  {'missing':<9} {entry.fault}: add one with `python -m bot models add`")
        row = inventory.require(added.id, item.family)
        for user in inventory.users_of(row):
            print(f"  {'used by':<9} {user}")

    def remove(self, name: str, family: str | None) -> None:
        """Remove one thing, and print what used it."""
        with registry_lock(self.root):
            _, _, inventory = self._parts()
            row = inventory.require(name, Family(family) if family else None)
            users = inventory.users_of(row)
            inventory.remove(row)
        print(f"Removed {row.id} ({row.family})")
        _, catalogue, _ = self._parts()
        for user in users:
            entry = catalogue.entry(user)
            now = entry.motion.id if entry and entry.motion else None
            then = f"and now uses {now}" if now else "and cannot be used until it gets another one"
            print(f"  {user} used it, {then}")

    async def mark(self, name: str, *, is_age_restricted: bool) -> None:
        """Say whom a model is for, and print what holds now."""
        with registry_lock(self.root):
            roots, _, inventory = self._parts()
            row = inventory.require(name, Family.CHECKPOINT)
            await _in_thread(
                lambda should_stop: mark(
                    roots, row, is_age_restricted=is_age_restricted, should_stop=should_stop
                )
            )
        whom = "age-restricted channels only" if is_age_restricted else "every channel"
        print(f"{name} is for {whom}")

    def alias(self, arguments: argparse.Namespace) -> None:
        """Show other names of models, or change one."""
        _, catalogue, _ = self._parts()
        for line in alias(self.root, arguments, models=catalogue.entries()):
            print(line)

    async def verify(self, names: list[str]) -> bool:
        """Read everything again, print one line each, and say whether all is well."""
        _, _, inventory = self._parts()
        own = [row for row in inventory.rows() if not row.is_embedded]
        for name in names:
            inventory.require(name, None)
        is_well = True
        for row in own:
            if names and row.id not in names:
                continue
            problem = await _in_thread(_verifier(row))
            finding = _finding(row, problem)
            is_well = is_well and finding.problem is None
            print(finding.line(), flush=True)
        return is_well


def _tell_of_safety(model: ModelInfo) -> None:
    """Print who looks at a model's videos, and whom they are for."""
    if not model.has_safety_checker:
        print(f"  {'checker':<9} none: nothing looks at its videos before they are posted")
    if model.is_age_restricted:
        print(f"  {'for':<9} age-restricted channels only")


def is_there(path: Path) -> bool:
    """Tell whether a path leads to something, so that it cannot mean a repository."""
    return path.exists()


def name_of(path: Path) -> str:
    """Return the last part of a path, also of `.`."""
    return path.absolute().name


def _verifier(row: Row) -> Callable[[Callable[[], bool]], str]:
    return lambda should_stop: verify(row, should_stop=should_stop)


def _finding(row: Row, problem: str) -> Finding:
    name = f"{row.family} {row.id}"
    if problem:
        return Finding(name=name, problem=problem)
    if row.item is None:
        return Finding(name=f"{name} is whole; it was not added, so there is no hash", is_open=True)
    return Finding(name=name)


async def _in_thread(work: Callable[[Callable[[], bool]], Result]) -> Result:
    """Do what takes long beside the loop; whoever is cancelled waits until it has stopped."""
    stop = Event()
    task = asyncio.create_task(asyncio.to_thread(work, stop.is_set), name="models")
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait([task])
        task.exception()
        raise


def _named(wishes: Wishes, hub_id: HubId, place: Path) -> Wishes:
    """Call what comes from the Hub as its repository, where its file's name says nothing."""
    if wishes.id is None and place.stem in GENERIC:
        return replace(wishes, id=id_from(hub_id.repository.rpartition("/")[2]))
    return wishes


def _cells(row: Row) -> Sequence[str]:
    if row.is_embedded:
        origin = "Flipbook"
    elif row.item is not None:
        origin = str(row.item.source)[:60]
    else:
        origin = "put there by hand"
    checker = {None: "", True: "yes", False: "none"}[row.has_checker]
    age = "adults" if row.is_age_restricted else ""
    known = (row.id, row.family, row.what, row.motion, checker, age, origin)
    return (*known, row.fault or "ok")


def _bytes(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
