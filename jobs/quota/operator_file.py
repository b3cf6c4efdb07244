"""The operator's own limits: `quotas.toml` in the data folder, below those of every server.

    [member]                  # each member of every server, where the server says nothing
    videos_per_day = 20
    seconds_per_month = 600
    providers = ["local"]

    [server]                  # all members of a server together, at most
    money_per_month = 25.00

    [server."1234567890"]     # the same for a single server, by its id
    money_per_month = "unlimited"

    [key]                     # each API key, where nothing was set for that one
    waiting = 10

Values are in people's units: videos, seconds, the currency of the price table, pixels. There is
no bare 0: the words are `none` and `unlimited`.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from jobs.errors import RequestError, SettingsError
from jobs.quota.amounts import FIELD, parse_value
from jobs.quota.tiers import (
    ALLOWANCES,
    LISTS,
    OF_A_SERVER,
    OPERATOR,
    OperatorRules,
    Rule,
    Setting,
    Value,
)
from jobs.request import ProviderName
from jobs.toml_lines import line_of

TABLES = ("member", "server", "key")
OF_SERVERS = frozenset({*ALLOWANCES, *OF_A_SERVER})

_Path = tuple[str, ...]


def load_rules(path: Path, *, currency: str = "") -> OperatorRules:
    """Read the operator's file; where there is none, there are no limits of theirs.

    Args:
        path: Where it is.
        currency: Of the price table.

    Raises:
        SettingsError: It cannot be read, or says something else than limits; the message names
            the line.
    """
    try:
        return parse_rules(path.read_text(encoding="utf-8"), name=str(path), currency=currency)
    except FileNotFoundError:
        return OperatorRules()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from error


def parse_rules(text: str, *, name: str = "quotas.toml", currency: str = "") -> OperatorRules:
    """Read the text of an operator's file.

    Raises:
        SettingsError: It says something else than limits; the message names the line.
    """
    try:
        tables: dict[str, Any] = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{name}: {error}") from error
    try:
        return _Reader(currency).rules_of(tables)
    except _FaultError as fault:
        line = line_of(text, fault.keys)
        where = name if line is None else f"{name}, line {line}"
        raise SettingsError(f"{where}: {'.'.join(fault.keys)}: {fault}") from fault


class _FaultError(Exception):
    """Something in the file makes no sense, at a place of its own."""

    def __init__(self, keys: _Path, message: str) -> None:
        super().__init__(message)
        self.keys = keys


@dataclass(frozen=True, slots=True)
class _Reader:
    """Turns tables into limits; every place is named by its keys."""

    currency: str

    def rules_of(self, tables: Mapping[str, object]) -> OperatorRules:
        for key in tables:
            if key not in TABLES:
                told = ", ".join(f"`{name}`" for name in TABLES)
                raise _FaultError((key,), f"there are only the tables {told}.")
        member, server, api_key = (_table((key,), tables.get(key, {})) for key in TABLES)
        single = {key: value for key, value in server.items() if key.isdecimal()}
        shared = {key: value for key, value in server.items() if key not in single}
        return OperatorRules(
            member=self._rules(("member",), member, frozenset(Setting)),
            server=self._rules(("server",), shared, OF_SERVERS),
            servers={
                int(key): self._rules(("server", key), _table(("server", key), value), OF_SERVERS)
                for key, value in single.items()
            },
            key=self._rules(("key",), api_key, frozenset(Setting)),
        )

    def _rules(
        self, at: _Path, table: Mapping[str, object], known: frozenset[Setting]
    ) -> Sequence[Rule]:
        return tuple(self._rule((*at, key), key, value, known) for key, value in table.items())

    def _rule(self, at: _Path, key: str, value: object, known: frozenset[Setting]) -> Rule:
        setting = next((one for one in known if one.value == key), None)
        if setting is None:
            names = ", ".join(one.value for one in Setting if one in known)
            raise _FaultError(at, f"there is no such limit here; there are {names}.")
        return Rule(target=OPERATOR, setting=setting, value=self._value(at, setting, value))

    def _value(self, at: _Path, setting: Setting, value: object) -> Value:
        match value:
            case list() if setting in LISTS:
                ids = list(_ids(at, setting, value))
                return frozenset(ids)
            case bool() | dict() | list():
                raise _FaultError(at, "it must be a number or a word.")
            case Decimal():
                written = f"{value:f}"
            case _:
                written = str(value)
        try:
            return parse_value(setting, written, self.currency)
        except RequestError as error:
            raise _FaultError(at, str(error).replace(f"`{FIELD}`", "it")) from error


def _table(at: _Path, value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise _FaultError(at, "it must be a table.")
    return value


def _ids(at: _Path, setting: Setting, values: list[object]) -> Iterator[str]:
    """Yield the names of a list.

    Raises:
        _FaultError: One is none.
    """
    if not values:
        raise _FaultError(at, 'an empty list could mean both: say "none" or "unlimited".')
    for value in values:
        if not isinstance(value, str) or not value:
            raise _FaultError(at, "a list holds names in quotes.")
        if setting is Setting.PROVIDERS and value not in {one.value for one in ProviderName}:
            raise _FaultError(at, f"the providers are {', '.join(ProviderName)}.")
        yield value
