"""What a hosted provider brings of its own: pure mappings, and the few requests it answers.

To add a provider, implement `Api` (docs/providers.md); `provider.HostedProvider` does the rest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, runtime_checkable

from jobs.request import ModelInfo, ProviderName, ResolvedRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an account may do.

    Attributes:
        in_flight: Jobs that the service holds for one account at once.
        submits_per_minute: None is no limit that we know of.
        deadline_s: Seconds after the submit in which a job must be done.
    """

    in_flight: int
    submits_per_minute: int | None = None
    deadline_s: float = 1800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """What an account can render with; the default model first."""

    models: tuple[ModelInfo, ...] = ()
    loras: tuple[str, ...] = ()
    embeddings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One submit.

    Attributes:
        request: What to render; its model is one of the shelf's.
        token: The attempt token, 32 hexadecimal digits, to be found again in webhooks.
        hook_url: Where the service may send a webhook, or None if it cannot reach us.
    """

    request: ResolvedRequest
    token: str
    hook_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The service's answer to a submit that it took on.

    Attributes:
        provider_job_id: The service's own id of the job.
        sent: The body that was sent, without the key and without the webhook's address.
        effective: What it says it will use, by the request's field names (`prompt`, `scheduler`,
            `steps`, `width`, `height`, `frames`, `fps`, `guidance_scale`, `seed`, `model`, ...);
            only what it really said.
        eta_s: Seconds until the first look is worth it, if it said so.
        is_flagged: Its safety checker flagged the job already.
    """

    provider_job_id: str
    sent: Mapping[str, object]
    effective: Mapping[str, object] = field(default_factory=dict[str, object])
    eta_s: float | None = None
    is_flagged: bool = False


class Stage(StrEnum):
    """Where a job stands at the service; a word that is not known means `RUNNING`."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the service says of a job.

    Attributes:
        stage: Where it stands.
        url: The video's, once it is there; done without it is not ready yet.
        eta_s: Seconds left, if it said so.
        fraction: 0 to 1, only if the service sends progress.
        effective: As in `Accepted`.
        failure: One sentence for the asker, if it failed.
        detail: What the service really said, for the operator's log.
        is_flagged: Its safety checker flagged what it made.
    """

    stage: Stage
    url: str | None = None
    eta_s: float | None = None
    fraction: float | None = None
    effective: Mapping[str, object] = field(default_factory=dict[str, object])
    failure: str = ""
    detail: str = ""
    is_flagged: bool = False


class Api(Protocol):
    """One account at one service.

    Every method that asks the service raises `jobs.errors`: `UnavailableError` if nothing was
    sent, `UnconfirmedError` if it was sent and the answer was lost or cannot be read, `BusyError`
    if it answered "later", `RefusedError` if it answered "no".
    """

    @property
    def name(self) -> ProviderName:
        """Return the provider's name."""
        ...

    @property
    def endpoint(self) -> str:
        """Return where jobs are submitted now, as `look` takes it: the base URL and the dialect.

        It is written on each job, so that a job is polled where it was submitted even after the
        operator has changed the settings.
        """
        ...

    @property
    def limits(self) -> Limits:
        """Return what the account may do."""
        ...

    def check(self, request: ResolvedRequest) -> Sequence[str]:
        """Return a sentence for each option that the service cannot honour.

        Raises:
            RequestError: An option makes no sense here at all.
        """
        ...

    async def submit(self, order: Order) -> Accepted:
        """Submit, once: this is the request that costs money."""
        ...

    async def look(self, provider_job_id: str, *, endpoint: str) -> Look:
        """Ask how a job is; costs nothing and may be repeated."""
        ...

    def named_in(self, body: bytes) -> str | None:
        """Return the job id that a webhook's body names; a hint, to be confirmed by a look."""
        ...

    async def shelf(self) -> Shelf:
        """Ask what the account can render with; costs nothing, and fails with a bad key."""
        ...


@runtime_checkable
class HookTester(Protocol):
    """An `Api` whose service sends a made-up webhook on demand, without a bill."""

    async def try_hook(self, hook_url: str, *, model: str) -> str:
        """Have a webhook sent to an address, and return the id of the job that it names."""
        ...
