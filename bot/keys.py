"""`python -m bot keys`: makes, lists and revokes the keys of the HTTP door.

It needs no Discord and no backend, and may be called while Flipbook runs, which looks each key up
when it is used. A key is told once, when it is made: nobody can read it out again.
"""

import argparse
import secrets
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager

from bot.backends import load_prices
from bot.clock import SystemClock
from bot.settings import Settings
from jobs.errors import RequestError
from jobs.keys import NAME, PREFIX, ApiKey, digest_of
from jobs.moderation.acts import Act, ActKind
from jobs.quota.amounts import FIELD, format_value, parse_value
from jobs.quota.tiers import Kind, Rule, Setting, Target, Value
from jobs.request import ProviderName
from storage.database import Database
from storage.folder import DataFolder
from storage.keys import SqliteKeyStore
from storage.quota.store import SqliteQuotaStore

KEY_BYTES = 32
NO_SERVER = 0  # where the limits of keys are kept


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the three actions."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = actions.add_parser("create", help="make a key and print it, this once")
    create.add_argument("name", help="your own word for it: letters, digits, `.`, `_`, `-`")
    create.add_argument(
        "--limit",
        action="append",
        default=[],
        metavar="SETTING=VALUE",
        help="such as videos_per_day=20, at_once=2, waiting=10; may be repeated",
    )
    create.add_argument(
        "--requests-per-minute", type=int, metavar="N", help="how often it may ask for anything"
    )
    actions.add_parser("list", help="show all keys that were ever made, and their limits")
    revoke = actions.add_parser("revoke", help="close the door to a key, at once and for good")
    revoke.add_argument("name")


async def keys(settings: Settings, arguments: argparse.Namespace) -> Sequence[str]:
    """Run one of the three; return what it was asked for, in lines.

    Raises:
        RequestError: The name or a limit makes no sense, or there is a key of that name.
        NotFoundError: There is no key of that name.
        StorageError: The database cannot be written.
    """
    async with _open_book(settings) as book:
        match arguments.action:
            case "create":
                return [await book.create(arguments)]
            case "revoke":
                return [f"{(await book.revoke(arguments.name)).name} is revoked."]
            case _:
                return [line async for line in book.lines()]


class _Book:
    """The keys of one database, and the limits that belong to them."""

    def __init__(self, database: Database, currency: str) -> None:
        self._keys = SqliteKeyStore(database)
        self._quotas = SqliteQuotaStore(database, currency=currency)
        self._currency = currency
        self._clock = SystemClock()

    async def create(self, arguments: argparse.Namespace) -> str:
        """Keep a new key with its limits, and return it: it opens nothing before it is told."""
        if not NAME.fullmatch(arguments.name):
            message = "`name` takes letters, digits, `.`, `_` and `-`, at most 64."
            raise RequestError(message, field="name")
        pace: int | None = arguments.requests_per_minute
        if pace is not None and pace < 1:
            message = "`requests-per-minute` must be 1 or more."
            raise RequestError(message, field="requests_per_minute")
        limits = dict(_limit_from(text, self._currency) for text in arguments.limit)
        key = PREFIX + secrets.token_urlsafe(KEY_BYTES)
        known = await self._keys.add_key(
            arguments.name, digest_of(key), requests_per_minute=pace, now=self._clock.now()
        )
        for setting, value in limits.items():
            await self._limit(known, setting, value)
        return key

    async def _limit(self, key: ApiKey, setting: Setting, value: Value) -> None:
        target = Target(kind=Kind.KEY, id=key.id)
        act = Act(
            guild_id=NO_SERVER,
            actor_id=0,
            kind=ActKind.QUOTA_SET,
            target=str(target),
            at=self._clock.now(),
        )
        await self._quotas.set_rule(Rule(target=target, setting=setting, value=value), act=act)

    async def revoke(self, name: str) -> ApiKey:
        """Close the door to a key."""
        return await self._keys.revoke_key(name, now=self._clock.now())

    async def lines(self) -> AsyncGenerator[str]:
        """Yield one line for each key."""
        rules = await self._quotas.rules(NO_SERVER)
        for key in await self._keys.keys():
            yield "  ".join([key.name, *self._told(key, rules)])

    def _told(self, key: ApiKey, rules: Sequence[Rule]) -> Iterator[str]:
        yield f"made {key.created_at:%Y-%m-%d}"
        if key.revoked_at is not None:
            yield f"revoked {key.revoked_at:%Y-%m-%d}"
            return
        if key.requests_per_minute is not None:
            yield f"requests per minute: {key.requests_per_minute}"
        for rule in rules:
            if rule.target == Target(kind=Kind.KEY, id=key.id):
                value = format_value(rule.setting, rule.value, self._currency)
                yield f"{rule.setting.label}: {value}"


@asynccontextmanager
async def _open_book(settings: Settings) -> AsyncGenerator[_Book]:
    """Open the database beside a Flipbook that may run over it."""
    folder = DataFolder(root=settings.data_dir)
    folder.create()
    currency = load_prices(settings).currency
    async with Database.open(folder.database) as database:
        yield _Book(database, currency)


def _limit_from(text: str, currency: str) -> tuple[Setting, Value]:
    """Read `videos_per_day=20`.

    Raises:
        RequestError: It is no limit.
    """
    name, _, written = text.partition("=")
    if name not in set(Setting):
        message = f"`limit`: there is no {name!r}; there are {', '.join(Setting)}."
        raise RequestError(message, field="limit")
    setting = Setting(name)
    try:
        value = parse_value(setting, written, currency)
    except RequestError as error:
        message = str(error).replace(f"`{FIELD}`", f"`{name}`")
        raise RequestError(message, field="limit") from error
    if setting is Setting.PROVIDERS and isinstance(value, frozenset):
        unknown = value - set(ProviderName)
        if unknown:
            message = f"`limit`: there is no provider {', '.join(sorted(unknown))}."
            raise RequestError(message, field="limit")
    return setting, value
