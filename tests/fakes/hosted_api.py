"""A paid service without a wire: it does as it is told, counts bills and notes every look."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from jobs.ports import Clock
from jobs.request import ModelInfo, ProviderName, ResolvedRequest
from providers.hosted.api import Accepted, Limits, Look, Order, Shelf, Stage
from tests.factories import make_model

Answer = TypeVar("Answer", Look, Shelf)

RUNNING = Look(stage=Stage.RUNNING)
DONE = Look(stage=Stage.DONE, url="https://videos.example/1.mp4")


def make_shelf(*models: str) -> Shelf:
    """Return a shelf with models of these ids."""
    return Shelf(models=tuple(_model(model) for model in models or ("toon", "real")))


def _model(model: str) -> ModelInfo:
    return make_model(id=model, provider=ProviderName.NOVITA)


@dataclass
class FakeApi:
    """The `Api` contract over prepared answers; an error among them is raised.

    Attributes:
        accepts: Answers to the next submits; then every submit is taken on.
        says: Answers to the next looks at a job; the last one is repeated. None is "running".
        always: Raised by every look, while it is set.
        lists: Answers to the next askings for models; the last one is repeated.
        orders: The submits that were sent.
        bills: The ids of the jobs that were taken on, once for each bill.
        looked: When which job was looked at where.
        listed: When the models were asked for.
        may_answer: Looks and submits wait for it; set at first.
        may_list: The models wait for it; set at first.
    """

    clock: Clock
    name: ProviderName = ProviderName.NOVITA
    endpoint: str = "https://api.example"
    limits: Limits = field(default_factory=lambda: Limits(in_flight=5))
    accepts: deque[Accepted | Exception] = field(default_factory=deque)
    says: defaultdict[str, deque[Look | Exception]] = field(
        default_factory=lambda: defaultdict(deque)
    )
    always: Exception | None = None
    lists: deque[Shelf | Exception] = field(default_factory=lambda: deque([make_shelf()]))
    orders: list[Order] = field(default_factory=list)
    bills: list[str] = field(default_factory=list)
    looked: list[tuple[datetime, str, str]] = field(default_factory=list)
    listed: list[datetime] = field(default_factory=list)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    may_list: asyncio.Event = field(default_factory=asyncio.Event)
    at_once: int = 0
    most_at_once: int = 0

    def __post_init__(self) -> None:
        self.may_answer.set()
        self.may_list.set()

    def check(self, request: ResolvedRequest) -> Sequence[str]:
        return ["This service takes no scheduler."] if request.scheduler else []

    async def submit(self, order: Order) -> Accepted:
        self.orders.append(order)
        await self.may_answer.wait()
        answer = (
            self.accepts.popleft()
            if self.accepts
            else Accepted(provider_job_id=f"task-{len(self.orders)}", sent={})
        )
        if isinstance(answer, Exception):
            raise answer
        self.bills.append(answer.provider_job_id)
        return answer

    async def look(self, provider_job_id: str, *, endpoint: str) -> Look:
        self.looked.append((self.clock.now(), provider_job_id, endpoint))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.may_answer.wait()
            await asyncio.sleep(0)  # as an answer takes its time, so do others come between
        finally:
            self.at_once -= 1
        if self.always is not None:
            raise self.always
        return _next(self.says[provider_job_id]) or RUNNING

    def named_in(self, body: bytes) -> str | None:
        return body.decode() or None

    async def shelf(self) -> Shelf:
        self.listed.append(self.clock.now())
        await self.may_list.wait()
        return _next(self.lists) or Shelf()


def _next(answers: "deque[Answer | Exception]") -> Answer | None:
    """Return the next answer; the last one stays."""
    if not answers:
        return None
    answer = answers.popleft() if len(answers) > 1 else answers[0]
    if isinstance(answer, Exception):
        raise answer
    return answer
