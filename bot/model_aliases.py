"""`python -m bot models alias`: which model is meant by a name that other services use."""

import argparse
from collections.abc import Collection, Sequence
from pathlib import Path

from pydantic import ValidationError

from jobs.aliases import ANY, MAX_NAME_CHARS
from jobs.errors import RequestError
from providers.local.capabilities import unknown
from providers.local.library.aliases import read_aliases, write_aliases
from providers.local.library.registry import registry_lock


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `alias` takes."""
    parser.add_argument(
        "name", metavar="NAME", nargs="?", help=f"what is asked for; {ANY} is whatever is not known"
    )
    parser.add_argument("id", metavar="ID", nargs="?", help="the model that is meant by it")
    parser.add_argument("--remove", action="store_true", help="forget NAME again")


def alias(root: Path, arguments: argparse.Namespace, *, models: Collection[str]) -> Sequence[str]:
    """Add, replace or remove one name, or look at all; return the lines that say so.

    Args:
        root: The operator's models folder.
        arguments: What was typed.
        models: The ids that can be meant.

    Raises:
        RequestError: A name or an id is none; nothing was changed.
    """
    name: str | None = arguments.name
    if name is None:
        return [f"{other}  {model_id}" for other, model_id in sorted(read_aliases(root).items())]
    if arguments.remove:
        return [_remove(root, name)]
    return [_add(root, name, arguments.id, models)]


def _add(root: Path, name: str, model_id: str | None, models: Collection[str]) -> str:
    if model_id is None:
        raise RequestError(f"`models alias {name}` needs the ID of a model, too.", field="models")
    if model_id not in models:
        raise unknown("model", model_id, sorted(models))
    with registry_lock(root):
        try:
            write_aliases(root, {**read_aliases(root), name: model_id})
        except ValidationError as error:
            message = f"A NAME has 1 to {MAX_NAME_CHARS} printable ASCII characters, none a space."
            raise RequestError(message, field="models") from error
    return f"{name}  {model_id}"


def _remove(root: Path, name: str) -> str:
    with registry_lock(root):
        aliases = read_aliases(root)
        if name not in aliases:
            raise RequestError(f"There is no alias {name!r}.", field="models")
        write_aliases(root, {key: value for key, value in aliases.items() if key != name})
    return f"Removed {name}"
