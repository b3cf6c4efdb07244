"""Which backends are on, each opened with what it needs: a key, or torch.

A hosted provider is on if it has a key. Its base URL is the operator's own word, so that address,
and those of earlier settings where jobs still wait, may be plain http or lie in a private network.
"""

import importlib.util
import logging
import random
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from pydantic import AnyHttpUrl, SecretStr

import providers
from bot.settings import Plan, Settings, Switch, child_environment
from jobs.errors import SettingsError
from jobs.ports import Clock, Provider
from jobs.prices import PriceTable
from jobs.request import ProviderName
from providers.hosted.api import Api
from providers.hosted.provider import HostedProvider
from providers.http import Http
from providers.local.provider import LocalProvider
from providers.modelslab.client import ModelsLabApi
from providers.novita import NovitaApi
from storage.folder import DataFolder

logger = logging.getLogger(__name__)

PRICES = "prices.toml"  # in the data folder
OUR_PRICES = Path(providers.__file__).parent / PRICES

Endpoints = Callable[[str], Awaitable[Sequence[str]]]

# Queued requests of one account (https://docs.modelslab.com, "Rate Limits").
QUEUED_REQUESTS = {Plan.PAYG: 5, Plan.STANDARD: 10, Plan.PREMIUM: 15}


def hosted_providers(settings: Settings) -> Sequence[ProviderName]:
    """Return the hosted providers that have a key."""
    keys = {
        ProviderName.MODELSLAB: settings.modelslab_api_key,
        ProviderName.NOVITA: settings.novita_api_key,
    }
    return [name for name, key in keys.items() if key is not None]


def without_backends(settings: Settings) -> Settings:
    """Return the settings with every backend switched off, for commands that render nothing."""
    off = {"local_enabled": Switch.OFF, "modelslab_api_key": None, "novita_api_key": None}
    return settings.model_copy(update=off)


@asynccontextmanager
async def open_backends(
    settings: Settings, *, clock: Clock, folder: DataFolder, endpoints: Endpoints
) -> AsyncGenerator[list[Provider]]:
    """Open every backend that is on, and close them again.

    Args:
        settings: Which are on.
        clock: Theirs.
        folder: Where the local engine finds room.
        endpoints: Where a backend's open jobs were submitted.

    Raises:
        SettingsError: One is switched on and cannot be.
    """
    async with AsyncExitStack() as stack:
        opened: list[Provider] = []
        if _is_local_on(settings):
            local = _local(settings, clock, folder)
            opened.append(await stack.enter_async_context(local))
        for name in hosted_providers(settings):
            earlier = await endpoints(name)
            api, http = await stack.enter_async_context(open_api(settings, name, earlier=earlier))
            hosted = HostedProvider(
                api,
                http=http,
                clock=clock,
                public_url=base_of(settings.public_url) if settings.public_url else None,
                rng=random.SystemRandom(),
                heeds_flags=settings.has_safety_checker,
            )
            opened.append(await stack.enter_async_context(hosted))
        _check_default(settings, opened)
        yield opened


@asynccontextmanager
async def open_api(
    settings: Settings, name: ProviderName, *, earlier: Sequence[str] = ()
) -> AsyncGenerator[tuple[Api, Http]]:
    """Open the account at one hosted provider, and the way to it.

    Args:
        settings: The key and the base URL.
        name: The provider.
        earlier: Endpoints of jobs that still wait where earlier settings sent them.

    Raises:
        SettingsError: It has no key.
    """
    match name, settings.modelslab_api_key, settings.novita_api_key:
        case ProviderName.MODELSLAB, SecretStr() as key, _:
            base_url, build = base_of(settings.modelslab_base_url), _modelslab
        case ProviderName.NOVITA, _, SecretStr() as key:
            base_url, build = base_of(settings.novita_base_url), _novita
        case _:
            raise SettingsError(f"{name.upper()}_API_KEY is not set.")
    own = [base_url, *(endpoint.split()[-1] for endpoint in earlier)]  # "v4 https://..."
    async with Http.open(own=own) as http:
        yield build(settings, http, base_url, key.get_secret_value()), http


def load_prices(settings: Settings) -> PriceTable:
    """Return the operator's price table, or the one that comes with Flipbook.

    Raises:
        SettingsError: The operator's file says something else than prices.
    """
    own = settings.data_dir / PRICES
    return PriceTable.load(own if own.exists() else OUR_PRICES)


def base_of(url: AnyHttpUrl) -> str:
    """Return an address that paths are added to: without a slash at its end."""
    return str(url).rstrip("/")


def _modelslab(settings: Settings, http: Http, base_url: str, key: str) -> Api:
    return ModelsLabApi(
        http=http,
        base_url=base_url,
        dialect=settings.modelslab_dialect,
        key=key,
        in_flight=QUEUED_REQUESTS[settings.modelslab_plan],
    )


def _novita(settings: Settings, http: Http, base_url: str, key: str) -> Api:
    return NovitaApi(
        http=http,
        base_url=base_url,
        key=key,
        submits_per_minute=settings.novita_submits_per_minute,
    )


def _is_local_on(settings: Settings) -> bool:
    """Say whether the local engine is wanted, and can be.

    Raises:
        SettingsError: It is switched on and torch is not installed.
    """
    if settings.local_enabled is Switch.OFF:
        return False
    has_torch = importlib.util.find_spec("torch") is not None
    if settings.local_enabled is Switch.ON and not has_torch:
        raise SettingsError("LOCAL_ENABLED=on needs the extra: pip install 'flipbook[local]'.")
    return has_torch


def _local(settings: Settings, clock: Clock, folder: DataFolder) -> LocalProvider:
    return LocalProvider(
        models_dir=settings.models_dir,
        scratch_dir=folder.root / "scratch",
        devices=settings.local_devices,
        clock=clock,
        python=sys.executable,
        env=child_environment(),
        idle_unload_s=settings.local_idle_unload_s,
        checks_safety=settings.has_safety_checker,
        speed=settings.local_speed,
        compiled_dir=folder.root / "compiled",
    )


def _check_default(settings: Settings, opened: Sequence[Provider]) -> None:
    """Tell an operator whose default provider is off; the others stand in for it."""
    default = settings.default_provider
    if opened and default not in {provider.name for provider in opened}:
        logger.warning(
            "FLIPBOOK_DEFAULT_PROVIDER is %s, which is off; %s comes first",
            default,
            opened[0].name,
            extra={"action": "default_provider_off"},
        )
