"""Says of a model that is there already whom it is for; its files are left as they are.

What lies in the models folder without an entry of the registry gets one, with the hash that its
files have now, so that `verify` knows them from then on.
"""

from collections.abc import Callable

from jobs.errors import RequestError
from providers.local.library.adding import size_of
from providers.local.library.families import Family
from providers.local.library.inventory import Row
from providers.local.library.offerings import recognise_place
from providers.local.library.registry import Item, Source, read_registry, write_registry
from providers.local.library.roots import ModelRoots
from providers.local.library.staging import StoppedError
from providers.local.library.weights import hash_files


def mark(
    roots: ModelRoots, row: Row, *, is_age_restricted: bool, should_stop: Callable[[], bool]
) -> None:
    """Write into the registry whom a model is for; whoever calls this holds the folder's lock.

    Args:
        roots: Where things lie.
        row: One thing of the inventory.
        is_age_restricted: It is for age-restricted channels only.
        should_stop: Asked while gigabytes are hashed.

    Raises:
        RequestError: It is no checkpoint, comes with Flipbook, or its files are gone.
        BrokenFileError: It has no entry yet, and its files cannot be used.
        RegistryError: The registry is broken.
        StoppedError: It was told to stop.
    """
    if row.is_embedded:
        message = f"`{row.id}` comes with Flipbook and cannot be marked."
        raise RequestError(message, field="models")
    item = row.item or _described(row, should_stop)
    changed = item.model_copy(update={"age_restricted": is_age_restricted})
    registry = read_registry(roots.own)
    write_registry(roots.own, registry.with_item(Family.CHECKPOINT, row.id, changed))


def _described(row: Row, should_stop: Callable[[], bool]) -> Item:
    """Describe what was put there by hand."""
    if row.place is None:
        raise RequestError(f"The files of `{row.id}` are gone.", field="models")
    found, weights = recognise_place(row.place, row.id)
    digest = hash_files(weights, should_stop=should_stop)
    if not digest:
        raise StoppedError("stopped")
    source = Source(name=row.place.name)
    return Item(family=found.family, source=source, sha256=digest, size=size_of(row.place))
