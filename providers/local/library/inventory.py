"""Lists everything of the local engine for its operator, and checks or removes it.

What members may ask for is the catalogue's answer; this one also knows motion modules, hashes,
sources, and what is broken.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.errors import RequestError
from providers.local.capabilities import unknown
from providers.local.library.catalogue import ModelCatalogue
from providers.local.library.families import Family, Found
from providers.local.library.offerings import recognise_place
from providers.local.library.registry import Item, read_registry, table_of, write_registry
from providers.local.library.roots import ModelRoots
from providers.local.library.staging import StoppedError, discard
from providers.local.library.weights import BrokenFileError, hash_files

GONE = "its files are gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing there is.

    Attributes:
        id: What requests call it.
        family: What it is.
        place: Its folder or file; None where only the registry knows it.
        is_embedded: It comes with Flipbook.
        item: What was registered.
        what: Which kind it is, for people.
        motion: The id of the motion module that it is used with.
        fault: Why it cannot be used.
        is_age_restricted: It is for age-restricted channels only.
        has_checker: A safety checker of its own can look at its videos; None of what has none.
    """

    id: str
    family: Family
    place: Path | None
    is_embedded: bool = False
    item: Item | None = None
    what: str = ""
    motion: str = ""
    fault: str = ""
    is_age_restricted: bool = False
    has_checker: bool | None = None


class Inventory:
    """Everything that lies in the two models folders.

    Args:
        roots: Where things lie.
        catalogue: Knows what is there.
    """

    def __init__(self, roots: ModelRoots, catalogue: ModelCatalogue) -> None:
        self._roots = roots
        self._catalogue = catalogue

    def rows(self) -> list[Row]:
        """Return everything, by family and id, what comes with Flipbook first."""
        rows = [*self._models(), *self._motions()]
        for family in (Family.LORA, Family.EMBEDDING):
            rows += self._files(family)
        rows += self._gone(rows)
        families = list(Family)
        return sorted(
            rows, key=lambda row: (families.index(row.family), not row.is_embedded, row.id.lower())
        )

    def require(self, name: str, family: Family | None) -> Row:
        """Return the one thing that an id means.

        Raises:
            RequestError: Nothing is called so, or more than one thing.
        """
        rows = [row for row in self.rows() if family in (None, row.family)]
        named = [row for row in rows if row.id == name]
        if not named:
            raise unknown("models", name, [row.id for row in rows])
        if len(named) > 1:
            families = " or ".join(row.family for row in named)
            message = f"`{name}` is more than one thing; say --family {families}."
            raise RequestError(message, field="models")
        return named[0]

    def users_of(self, row: Row) -> Sequence[str]:
        """Return the models that are used with a motion module."""
        if row.family is not Family.MOTION:
            return []
        return [other.id for other in self._models() if other.motion == row.id]

    def remove(self, row: Row) -> None:
        """Remove files and entry; whoever calls this holds the folder's lock.

        Raises:
            RequestError: It comes with Flipbook.
            RegistryError: The registry is broken.
            OSError: The files cannot be removed.
        """
        if row.is_embedded:
            message = f"`{row.id}` comes with Flipbook and cannot be removed."
            raise RequestError(message, field="models")
        registry = read_registry(self._roots.own)
        if row.place is not None:
            discard(row.place)
        if row.id in registry.of(row.family):
            write_registry(self._roots.own, registry.with_item(row.family, row.id, None))

    def _models(self) -> Iterator[Row]:
        registry = self._catalogue.registry()
        for name, entry in self._catalogue.entries().items():
            is_embedded = self._catalogue.is_embedded(entry)
            yield Row(
                id=name,
                family=Family.CHECKPOINT,
                place=entry.place,
                is_embedded=is_embedded,
                item=None if is_embedded else registry.models.get(name),
                what="folder" if entry.place.is_dir() else "one file",
                motion=entry.motion.id if entry.motion else "",
                fault=entry.fault,
                is_age_restricted=entry.info is not None and entry.info.is_age_restricted,
                has_checker=None if entry.fault else entry.checker is not None,
            )

    def _motions(self) -> Iterator[Row]:
        registry = self._catalogue.registry()
        for name, motion in self._catalogue.motions().items():
            yield Row(
                id=name,
                family=Family.MOTION,
                place=motion.place,
                is_embedded=self._roots.is_embedded(motion.place),
                item=registry.motion.get(name),
                what="" if motion.fault else motion.kind.value,
                fault=motion.fault,
            )

    def _files(self, family: Family) -> Iterator[Row]:
        items = self._catalogue.registry().of(family)
        for name, path in self._catalogue.files(table_of(family)).items():
            fault, found = self._look_at(path)
            yield Row(
                id=name,
                family=family,
                place=path,
                is_embedded=self._roots.is_embedded(path),
                item=items.get(name),
                what=_described(found),
                fault=fault,
            )

    def _look_at(self, path: Path) -> tuple[str, Found | None]:
        try:
            return "", self._catalogue.found(path)
        except BrokenFileError as error:
            return str(error), None
        except OSError:
            return GONE, None

    def _gone(self, rows: Sequence[Row]) -> list[Row]:
        here = {(row.family, row.id) for row in rows}
        registry = self._catalogue.registry()
        return [
            Row(id=name, family=family, place=None, item=item, fault=GONE)
            for family in Family
            for name, item in registry.of(family).items()
            if (family, name) not in here
        ]


def verify(row: Row, *, should_stop: Callable[[], bool]) -> str:
    """Read all of a thing again, and return what is wrong with it; "" if nothing is.

    Args:
        row: One thing of the inventory.
        should_stop: Asked while gigabytes are read.

    Raises:
        StoppedError: It was told to stop.
    """
    if row.place is None:
        return GONE
    try:
        _, weights = recognise_place(row.place, row.id)
        digest = hash_files(weights, should_stop=should_stop)
    except BrokenFileError as error:
        return str(error)
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    if not digest:
        raise StoppedError("stopped")
    if row.item is not None and digest != row.item.sha256:
        return "its files are not those that were added: another sha256"
    return row.fault


def _described(found: Found | None) -> str:
    if found is None:
        return ""
    width = f", width {found.width}" if found.width else ""
    return f"{found.layout.removesuffix(' layout')}{width}"
