"""The options of `python -m bot models`, and what they say about something that is added."""

import argparse

from pydantic import ValidationError

from bot import model_aliases
from jobs.errors import RequestError
from jobs.request import Scheduler
from providers.local.library.adding import Wishes
from providers.local.library.families import Family, MotionKind
from providers.local.library.registry import Item, OwnDefaults, Source

DEFAULTS = ("width", "height", "frames", "fps", "steps", "guidance_scale", "scheduler")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the commands and their options."""
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    commands.add_parser("list", help="show everything there is, whole or broken")
    _add_options(commands.add_parser("add", help="add a file, a folder, or a model of the Hub"))
    removing = commands.add_parser("remove", help="remove one thing for good")
    removing.add_argument("id", metavar="ID")
    removing.add_argument("--family", choices=[family.value for family in Family])
    verifying = commands.add_parser("verify", help="read all files again and compare their hashes")
    verifying.add_argument("ids", metavar="ID", nargs="*", help="these only")
    marking = commands.add_parser("mark", help="say whom a model is for")
    marking.add_argument("id", metavar="ID")
    marking.add_argument(
        "--age-restricted",
        choices=["yes", "no"],
        required=True,
        help="whether it is for age-restricted channels only",
    )
    naming = commands.add_parser("alias", help="say which model another name means")
    model_aliases.add_arguments(naming)


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", help="FILE, FOLDER or OWNER/NAME[@COMMIT]")
    parser.add_argument("--file", default="", help="which file of a repository of the Hub")
    parser.add_argument("--id", help="what requests call it (its file's or repository's name)")
    parser.add_argument("--title", default="", help="its name for people")
    parser.add_argument("--note", default="", help="one sentence shown with it")
    parser.add_argument(
        "--trigger", action="append", default=[], help="a word that brings it out; may be repeated"
    )
    parser.add_argument("--motion", metavar="ID", help="the motion module of a checkpoint")
    parser.add_argument(
        "--kind",
        choices=[kind.value for kind in MotionKind],
        help="which motion module it is, where its name does not say so",
    )
    parser.add_argument(
        "--age-restricted",
        action="store_true",
        default=None,
        help="it is for age-restricted channels only",
    )
    for name in ("width", "height", "frames", "fps", "steps", "min_side", "max_side"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=int)
    parser.add_argument("--guidance-scale", type=float)
    parser.add_argument("--scheduler", choices=[name.value for name in Scheduler])


def wishes_of(arguments: argparse.Namespace) -> Wishes:
    """Read the options of `add`.

    Raises:
        RequestError: A value is outside its range.
    """
    told = {name: getattr(arguments, name) for name in DEFAULTS}
    try:
        item = Item(
            family=Family.CHECKPOINT,
            source=Source(name="-"),
            sha256="0" * 64,
            size=0,
            title=arguments.title,
            trigger_words=tuple(arguments.trigger),
            note=arguments.note,
            motion=arguments.motion,
            kind=arguments.kind,
            defaults=OwnDefaults.model_validate(told),
            min_side=arguments.min_side,
            max_side=arguments.max_side,
        )
    except ValidationError as error:
        first = error.errors()[0]
        option = str(first["loc"][0]).replace("_", "-").replace("trigger-words", "trigger")
        message = f"`--{option}`: {first['msg']}."
        raise RequestError(message, field="models") from error
    return Wishes(
        id=arguments.id,
        title=item.title,
        trigger_words=item.trigger_words,
        note=item.note,
        motion=item.motion,
        kind=item.kind,
        defaults=item.defaults,
        min_side=item.min_side,
        max_side=item.max_side,
        age_restricted=arguments.age_restricted,
    )
