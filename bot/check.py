"""`python -m bot check`: is this machine ready to run? One line for each thing tried."""

from collections.abc import AsyncGenerator

from bot.app import Parts, open_parts
from bot.settings import Settings
from jobs.errors import FlipbookError, StorageError, StorageLockedError
from storage.integrity import integrity_problems

Finding = tuple[str, str | None]
"""What was tried, and None if it is well, else what is wrong."""


async def check(settings: Settings) -> bool:
    """Try settings, database and worker; print what was found; say whether all is well."""
    is_well = True
    async for name, problem in _findings(settings):
        print(f"{'ok  ' if problem is None else 'FAIL'}  {name}{f': {problem}' if problem else ''}")
        is_well = is_well and problem is None
    return is_well


async def _findings(settings: Settings) -> AsyncGenerator[Finding]:
    yield "settings: every value is usable", None
    yield "settings: DISCORD_TOKEN is set", None if settings.discord_token else "it is not"
    try:
        async with open_parts(settings) as parts:
            async for finding in _look_into(parts):
                yield finding
    except StorageLockedError:
        yield (
            f"data folder {settings.data_dir}: in use by a running Flipbook, not looked into",
            None,
        )
    except StorageError as error:
        yield f"data folder {settings.data_dir}", str(error)
    except FlipbookError as error:
        yield "start", str(error)


async def _look_into(parts: Parts) -> AsyncGenerator[Finding]:
    problems = await integrity_problems(parts.database)
    yield "database: integrity and migrations", "; ".join(problems) or None
    drifts = await parts.quotas.audit()
    yield "books: ledger and buckets agree", f"{len(drifts)} do not" if drifts else None
    providers = parts.catalogue.providers()
    yield "providers: at least one is on", None if providers else "none; see LOCAL_ENABLED"
    for provider in providers:
        usable = ", ".join(model.id for model in provider.models())
        yield f"{provider.name}: models: {usable}", None if usable else "none can be used"
        for model_id, fault in provider.faults().items():
            yield f"{provider.name}: model {model_id}", fault
        try:
            yield f"{provider.name}: a worker starts ({await provider.try_out()})", None
        except FlipbookError as error:
            yield f"{provider.name}: a worker starts", error.user_message
