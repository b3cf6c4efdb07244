"""`python -m bot check`: is this machine ready to run? One line for each thing tried."""

from collections.abc import AsyncGenerator, Sequence

from bot.app import Parts, open_parts
from bot.findings import Finding, tell
from bot.settings import Settings
from jobs.errors import FlipbookError, ProviderError, StorageError, StorageLockedError
from jobs.ports import Provider
from storage.integrity import integrity_problems

NAMED_MODELS = 5


async def check(settings: Settings) -> bool:
    """Try settings, database and backends; print what was found; say whether all is well."""
    return await tell(_findings(settings), secrets=settings.secrets)


async def _findings(settings: Settings) -> AsyncGenerator[Finding]:
    yield Finding(name="settings: every value is usable")
    yield Finding(
        name="settings: DISCORD_TOKEN is set",
        problem=None if settings.discord_token else "it is not",
    )
    folder = f"data folder {settings.data_dir}"
    try:
        async with open_parts(settings) as parts:
            async for finding in _look_into(parts):
                yield finding
    except StorageLockedError:
        yield Finding(name=f"{folder}: in use by a running Flipbook, not looked into", is_open=True)
    except StorageError as error:
        yield Finding(name=folder, problem=str(error))
    except FlipbookError as error:
        yield Finding(name="start", problem=str(error))


async def _look_into(parts: Parts) -> AsyncGenerator[Finding]:
    problems = await integrity_problems(parts.database)
    yield Finding(name="database: integrity and migrations", problem="; ".join(problems) or None)
    drifts = await parts.quotas.audit()
    yield Finding(
        name="books: ledger and buckets agree", problem=f"{len(drifts)} do not" if drifts else None
    )
    providers = parts.catalogue.providers()
    yield Finding(
        name="providers: at least one is on",
        problem=None if providers else "none; see LOCAL_ENABLED and docs/settings.md",
    )
    for provider in providers:
        async for finding in _try(provider):
            yield finding


async def _try(provider: Provider) -> AsyncGenerator[Finding]:
    claim = "it answers" if provider.is_paid else "a worker starts"
    try:
        told = await provider.try_out()
        outcome = Finding(name=f"{provider.name}: {claim} ({told})")
    except ProviderError as error:
        why = " ".join(part for part in (error.user_message, error.detail) if part)
        outcome = Finding(name=f"{provider.name}: {claim}", problem=why)
    except FlipbookError as error:
        outcome = Finding(name=f"{provider.name}: {claim}", problem=error.user_message)
    usable = [model.id for model in provider.models()]
    yield Finding(
        name=f"{provider.name}: models: {some_of(usable)}",
        problem=None if usable else "none can be used",
    )
    for model_id, fault in provider.faults().items():
        yield Finding(name=f"{provider.name}: model {model_id}", problem=fault)
    yield outcome


def some_of(names: Sequence[str]) -> str:
    """Return the first names of a list, and how many more there are."""
    more = len(names) - NAMED_MODELS
    return ", ".join(names[:NAMED_MODELS]) + (f" and {more} more" if more > 0 else "")
