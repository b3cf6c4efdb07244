"""The settings, and the only reader of the environment.

Each field is set by the environment variable that is its alias, or by a line in `.env`.
A bad value stops the start with a message that names the variable.
"""

import os
import re
from collections.abc import Mapping
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated

from pydantic import AnyHttpUrl, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from jobs.errors import SettingsError
from jobs.request import ProviderName
from providers.local import levers
from providers.modelslab.dialects import Dialect

Network = IPv4Network | IPv6Network


class LogFormat(StrEnum):
    """How log lines are written."""

    TEXT = "text"
    JSON = "json"


class Switch(StrEnum):
    """Whether the local engine is used."""

    AUTO = "auto"  # on where torch is installed
    ON = "on"
    OFF = "off"


class OnOff(StrEnum):
    """A switch without a middle."""

    ON = "on"
    OFF = "off"


class Plan(StrEnum):
    """The plans of ModelsLab, which differ in how many requests an account may have queued."""

    PAYG = "payg"
    STANDARD = "standard"
    PREMIUM = "premium"


class Settings(BaseSettings):
    """Everything an operator can set; docs/settings.md has the same list with examples."""

    model_config = SettingsConfigDict(
        env_file=".env", extra="ignore", env_ignore_empty=True, populate_by_name=False
    )

    discord_token: SecretStr | None = Field(None, alias="DISCORD_TOKEN")
    """The bot's token; `run` and `sync` need it."""
    discord_proxy: AnyHttpUrl | None = Field(None, alias="DISCORD_PROXY")
    """An HTTP proxy for all Discord traffic."""
    discord_dev_guild: int | None = Field(None, alias="DISCORD_DEV_GUILD")
    """A server that gets the commands at once, for development."""
    data_dir: Path = Field(Path("data"), alias="FLIPBOOK_DATA_DIR")
    """Holds `flipbook.db`, `videos/` and `models/`."""
    http_host: str = Field("127.0.0.1", alias="FLIPBOOK_HTTP_HOST")
    http_port: Annotated[int, Field(ge=0, le=65535)] = Field(8080, alias="FLIPBOOK_HTTP_PORT")
    """0 takes any free port."""
    public_url: AnyHttpUrl | None = Field(None, alias="FLIPBOOK_PUBLIC_URL")
    """Where we are reached from outside: for the webhooks of hosted providers, and in links."""
    key_requests_per_minute: Annotated[int, Field(ge=1)] = Field(
        1200, alias="FLIPBOOK_KEY_REQUESTS_PER_MINUTE"
    )
    """How often an API key may ask for anything, unless it has a number of its own."""
    stranger_requests_per_minute: Annotated[int, Field(ge=1)] = Field(
        60, alias="FLIPBOOK_STRANGER_REQUESTS_PER_MINUTE"
    )
    """How often one address may ask without a good key."""
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode] = Field(
        (), alias="FLIPBOOK_TRUSTED_PROXIES"
    )
    """Addresses or networks whose `X-Forwarded-For` and `-Proto` are believed."""
    webhook_allow: Annotated[tuple[str, ...], NoDecode] = Field((), alias="FLIPBOOK_WEBHOOK_ALLOW")
    """Hosts that webhooks may be sent to by plain http, or inside a private network."""
    webhook_secret: SecretStr | None = Field(None, alias="FLIPBOOK_WEBHOOK_SECRET")
    """Signs the webhooks that are sent, in the form of Standard Webhooks."""
    retention_days: Annotated[int, Field(ge=0, le=36_500)] = Field(
        90, alias="FLIPBOOK_RETENTION_DAYS"
    )
    """How long ended videos are kept where a server says nothing; 0 is for good."""
    safety_checker: OnOff = Field(OnOff.ON, alias="FLIPBOOK_SAFETY_CHECKER")
    """What the safety checker of a model or of a provider flags is not posted."""
    log_format: LogFormat = Field(LogFormat.TEXT, alias="FLIPBOOK_LOG_FORMAT")
    default_provider: ProviderName = Field(ProviderName.LOCAL, alias="FLIPBOOK_DEFAULT_PROVIDER")
    modelslab_api_key: SecretStr | None = Field(None, alias="MODELSLAB_API_KEY")
    """A hosted provider without a key is off."""
    modelslab_base_url: AnyHttpUrl = Field(
        AnyHttpUrl("https://stablediffusionapi.com"), alias="MODELSLAB_BASE_URL"
    )
    modelslab_dialect: Dialect = Field(Dialect.V4, alias="MODELSLAB_DIALECT")
    modelslab_plan: Plan = Field(Plan.PAYG, alias="MODELSLAB_PLAN")
    """How many requests the account may have queued there."""
    novita_api_key: SecretStr | None = Field(None, alias="NOVITA_API_KEY")
    novita_base_url: AnyHttpUrl = Field(
        AnyHttpUrl("https://api.novita.ai"), alias="NOVITA_BASE_URL"
    )
    novita_submits_per_minute: Annotated[int, Field(ge=1)] = Field(
        2, alias="NOVITA_SUBMITS_PER_MINUTE"
    )
    """Novita's own limit for txt2video; larger only if an account was granted more."""
    local_enabled: Switch = Field(Switch.AUTO, alias="LOCAL_ENABLED")
    local_devices: Annotated[tuple[str, ...], NoDecode] = Field(("auto",), alias="LOCAL_DEVICES")
    """`auto`, `cpu`, or GPU numbers separated by commas: one worker process for each."""
    local_idle_unload_s: Annotated[float, Field(ge=0)] = Field(600.0, alias="LOCAL_IDLE_UNLOAD_S")
    """Seconds without a job after which a worker is ended and its memory freed; 0 is never."""
    local_speed: Annotated[tuple[str, ...], NoDecode] = Field((levers.AUTO,), alias="LOCAL_SPEED")
    """What makes the local engine faster: `auto`, `off`, or names of levers."""

    @field_validator("local_devices", mode="before")
    @classmethod
    def split_devices(cls, value: object) -> object:
        """Read `0,1`, `cpu` or `auto`."""
        if not isinstance(value, str):
            return value
        devices = tuple(_items(value))
        if not devices or not all(d in ("auto", "cpu") or d.isdecimal() for d in devices):
            raise ValueError("use `auto`, `cpu`, or GPU numbers such as `0,1`")
        return devices

    @field_validator("local_speed", mode="before")
    @classmethod
    def split_levers(cls, value: object) -> object:
        """Read `auto`, `off`, or `channels_last, fused`."""
        return levers.parse(value) if isinstance(value, str) else value

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def split_proxies(cls, value: object) -> object:
        """Read `127.0.0.1, 10.0.0.0/8`."""
        return [ip_network(item) for item in _items(value)] if isinstance(value, str) else value

    @field_validator("webhook_allow", mode="before")
    @classmethod
    def split_hosts(cls, value: object) -> object:
        """Read `localhost, hooks.lan`."""
        hosts = tuple(item.lower() for item in _items(value)) if isinstance(value, str) else value
        if isinstance(hosts, tuple) and any(re.search(r"[/@?#\s]", str(host)) for host in hosts):
            raise ValueError("use names of hosts, or addresses, separated by commas")
        return hosts

    @field_validator("modelslab_api_key", "novita_api_key", mode="before")
    @classmethod
    def check_key(cls, value: object) -> object:
        """Take the blanks away that come with a copied key; refuse what no header can carry."""
        if not isinstance(value, str):
            return value
        key = value.strip()
        if not re.fullmatch(r"[!-~]+", key):
            raise ValueError("a key has no blanks and no characters outside ASCII")
        return key

    @field_validator("modelslab_base_url", "novita_base_url", "public_url")
    @classmethod
    def check_base_url(cls, value: AnyHttpUrl | None) -> AnyHttpUrl | None:
        """Refuse what paths cannot be added to, and secrets that would be stored with each job."""
        extras = value and (value.username or value.password or value.query or value.fragment)
        if extras:
            raise ValueError("use scheme, host, and a port or path if need be, and nothing else")
        return value

    @property
    def secrets(self) -> list[str]:
        """Return what must never be told."""
        found = (
            self.discord_token,
            self.modelslab_api_key,
            self.novita_api_key,
            self.webhook_secret,
        )
        return [secret.get_secret_value() for secret in found if secret]

    @property
    def has_safety_checker(self) -> bool:
        """Say whether what a safety checker flags is kept back."""
        return self.safety_checker is OnOff.ON

    @property
    def models_dir(self) -> Path:
        """Where the local engine's models lie."""
        return self.data_dir / "models"

    def require_token(self) -> str:
        """Return the Discord token.

        Raises:
            SettingsError: It is not set.
        """
        if self.discord_token is None:
            raise SettingsError(
                "DISCORD_TOKEN is not set: put the bot's token into the environment or .env "
                "(README, 'Invite it to your server'), or try `make demo`, which needs none."
            )
        return self.discord_token.get_secret_value()


def load_settings(**overrides: object) -> Settings:
    """Read environment and `.env`; `overrides` (by variable name) win over both.

    Raises:
        SettingsError: A value is bad; the message names every bad variable, and no secret.
    """
    try:
        return Settings.model_validate(overrides)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
        raise SettingsError("Bad settings: " + "; ".join(lines)) from None


def _items(text: str) -> list[str]:
    """Return what stands between commas."""
    return [item.strip() for item in text.split(",") if item.strip()]


def child_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment for a child process: ours without its secrets, plus `extra`."""
    secrets = ("DISCORD_TOKEN", "MODELSLAB_API_KEY", "NOVITA_API_KEY", "FLIPBOOK_WEBHOOK_SECRET")
    ours = {name: value for name, value in os.environ.items() if name not in secrets}  # noqa: TID251 - this is the one place
    return {**ours, **(extra or {})}


def hosted_environment(settings: Settings, provider: ProviderName) -> dict[str, str]:
    """Return the variables of one hosted provider, its key among them, for a bot of its own.

    Raises:
        SettingsError: It has no key.
    """
    prefix = f"{provider.value}_"
    values = {
        str(field.alias): getattr(settings, name)
        for name, field in type(settings).model_fields.items()
        if name.startswith(prefix)
    }
    if values[f"{prefix.upper()}API_KEY"] is None:
        raise SettingsError(f"{prefix.upper()}API_KEY is not set.")
    return {
        name: value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in values.items()
    }
