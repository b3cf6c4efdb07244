"""Reads a slash command as a member types it: `/video prompt:"a red circle" seed:7`.

A value goes on until the next option's name, as in Discord's client; quotes keep a value together
that holds such a name itself.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from bot.sandbox.errors import CommandLineError
from bot.sandbox.json_types import JsonObject, objects
from bot.sandbox.rules.commands import kind_of
from bot.sandbox.world.commands import NESTED, CommandKind

OPTION_NAME = re.compile(r"\s*([-_'\w]+):\s*")
QUOTED = re.compile(r'"((?:\\.|[^"\\])*)"(?=\s|$)', re.DOTALL)
ESCAPED = re.compile(r'\\(["\\])')


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandPath:
    """A command and the subcommands below it, each as its schema."""

    steps: tuple[JsonObject, ...]

    @property
    def command(self) -> JsonObject:
        """The command itself."""
        return self.steps[0]

    @property
    def options(self) -> list[JsonObject]:
        """The schemas of the options that take values."""
        return objects(self.steps[-1].get("options"))

    @property
    def name(self) -> str:
        """The full name, e.g. `job info`."""
        return " ".join(str(step["name"]) for step in self.steps)


def find_command(words: list[str], commands: list[JsonObject]) -> CommandPath:
    """Follow words down to the slash command that is meant; words left over are not looked at.

    Raises:
        CommandLineError: There is no such command, or it needs a subcommand.
    """
    steps: list[JsonObject] = []
    level = [command for command in commands if kind_of(command) == CommandKind.CHAT_INPUT]
    for word in [*words, ""]:
        found = next((entry for entry in level if entry.get("name") == word), None)
        if found is None:
            known = ", ".join(str(entry.get("name")) for entry in level)
            raise CommandLineError(f"no command {' '.join(words)!r}; there: {known or 'none'}")
        steps.append(found)
        level = [o for o in objects(found.get("options")) if o.get("type") in NESTED]
        if not level:
            break
    return CommandPath(steps=tuple(steps))


def parse_line(line: str, commands: list[JsonObject]) -> tuple[CommandPath, dict[str, str]]:
    """Split a line into the command and the texts of its options.

    Raises:
        CommandLineError: It is no command, or an option is not one of the command's.
    """
    if not line.startswith("/"):
        raise CommandLineError(f"a command begins with a slash: {line!r}")
    path = find_command(_leading_words(line[1:]), commands)
    rest = line[1:].lstrip()
    for step in path.steps:
        rest = rest.removeprefix(str(step["name"])).lstrip()
    names = [str(option["name"]) for option in path.options]
    return path, _split_options(rest, names)


def _leading_words(line: str) -> list[str]:
    words: list[str] = []
    for word in line.split():
        if ":" in word:
            break
        words.append(word)
    return words


def _split_options(text: str, names: Collection[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    position = 0
    while text[position:].strip():
        option = OPTION_NAME.match(text, position)
        if option is None or option[1] not in names:
            known = ", ".join(names) or "none"
            raise CommandLineError(f"no such option: {text[position:]!r}; there: {known}")
        values[option[1]], position = _read_value(text, option.end(), names)
    return values


def _read_value(text: str, start: int, names: Collection[str]) -> tuple[str, int]:
    quoted = QUOTED.match(text, start)
    if quoted is not None:
        return ESCAPED.sub(r"\1", quoted[1]), quoted.end()
    alternatives = "|".join(re.escape(name) for name in names)
    following = re.compile(rf"\s(?=(?:{alternatives}):)").search(text, start)
    end = following.start() if following else len(text)
    return text[start:end].strip(), end
