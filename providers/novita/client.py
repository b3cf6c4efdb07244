"""One account at Novita: a submit that costs money, and questions that cost nothing.

Every request goes through `providers.http`; what comes back is read by `wire` and, where it is
no success, judged by `refusals`.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from jobs.errors import UnconfirmedError
from jobs.request import ProviderName, ResolvedRequest
from providers.hosted.api import Accepted, Limits, Look, Order, Shelf, Stage
from providers.http import Answer, Http
from providers.novita.models import FAVOURITE, Kind, additions, checkpoints
from providers.novita.orders import (
    MIN_PART_FRAMES,
    MIN_SIDE,
    body_of,
    check_order,
    with_webhook,
)
from providers.novita.refusals import error_of, failure_of, is_not_found, plain
from providers.novita.wire import Model, ModelPage, Submitted, TaskResult, read_event

TXT2VIDEO = "/v3/async/txt2video"
TASK_RESULT = "/v3/async/task-result"
MODELS = "/v3/model"
PAGE = 100  # the most that `pagination.limit` takes
MAX_PAGES = 20  # of each kind: 2,000 are more than anybody chooses from
EVENT_TYPE = "ASYNC_TASK_RESULT"
DONE, FAILED = "TASK_STATUS_SUCCEED", frozenset({"TASK_STATUS_FAILED", "TASK_STATUS_CANCELED"})
IN_FLIGHT = 20  # our own bound: none is documented
FORGIVEN_MISSES = 5  # a task may not be known everywhere right after its submit
REMEMBERED_TASKS = 1000

Body = TypeVar("Body", bound=BaseModel)


class NovitaApi:
    """The `Api` of Novita's txt2video.

    Args:
        http: Its own, with `base_url` among its own addresses.
        base_url: `https://api.novita.ai`, or one that speaks the same.
        key: The account's; it is sent in a header to the API and written nowhere.
        submits_per_minute: 2 for an account that has not asked for more (txt2video's page).
        in_flight: Tasks that are waited for at once.
    """

    def __init__(
        self,
        *,
        http: Http,
        base_url: str,
        key: str,
        submits_per_minute: int = 2,
        in_flight: int = IN_FLIGHT,
    ) -> None:
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._key = key
        self._limits = Limits(in_flight=in_flight, submits_per_minute=submits_per_minute)
        self._fresh = _FreshTasks()

    @property
    def name(self) -> ProviderName:
        """Return its name."""
        return ProviderName.NOVITA

    @property
    def endpoint(self) -> str:
        """Return the base URL; there is one dialect."""
        return self._base_url

    @property
    def limits(self) -> Limits:
        """Return what the account may do."""
        return self._limits

    def check(self, request: ResolvedRequest) -> Sequence[str]:
        """Return a sentence for each option that Novita cannot honour.

        Raises:
            RequestError: A value is outside what it takes, or there is an init image.
        """
        return check_order(request)

    async def submit(self, order: Order) -> Accepted:
        """Submit, once.

        Raises:
            RequestError: The request cannot be written for Novita; nothing was sent.
            UnavailableError: Nothing was sent.
            BusyError: The account has made its submits of this minute.
            RefusedError: It said no, and no task was made.
            UnconfirmedError: Anything else: there may be a task, and it may cost.
        """
        body = body_of(order.request)
        secrets = (order.hook_url or "", order.token)
        task_id = await self._submit(with_webhook(body, order.hook_url), secrets=secrets)
        return Accepted(provider_job_id=task_id, sent=body)

    async def look(self, provider_job_id: str, *, endpoint: str) -> Look:
        """Ask how a task is.

        A task that Novita does not know was submitted just now and is running, unless no look
        has found it five times.

        Raises:
            UnavailableError: Nothing was sent.
            BusyError: It answers no more questions just now.
            RefusedError: The key is bad, or Novita does not know the task.
            UnconfirmedError: The answer was lost or cannot be read; ask again.
        """
        answer = await self._http.call(
            "GET",
            endpoint.rstrip("/") + TASK_RESULT,
            params={"task_id": provider_job_id},
            headers=self._headers,
        )
        if is_not_found(answer):
            return self._look_of_missing(provider_job_id, answer)
        result = self._read(answer, TaskResult)
        if result.task.task_id != provider_job_id:
            raise UnconfirmedError("Novita answered about another video.")
        self._fresh.found(provider_job_id)
        return look_of(result, secrets=[self._key])

    def named_in(self, body: bytes) -> str | None:
        """Return the task that a webhook is about; its type may be missing, but not another."""
        event = read_event(body)
        if event is None or event.event_type not in ("", EVENT_TYPE):
            return None
        return event.payload.task.task_id

    async def shelf(self) -> Shelf:
        """Ask for the models, LoRAs and embeddings that fit txt2video.

        Raises:
            ProviderError: As `look`.
        """
        return Shelf(
            models=checkpoints(await self._list(Kind.CHECKPOINT)),
            loras=additions(await self._list(Kind.LORA)),
            embeddings=additions(await self._list(Kind.EMBEDDING)),
        )

    async def try_hook(self, hook_url: str, *, model: str = FAVOURITE) -> str:
        """Have a made-up event sent to an address, and return the id of the task it names.

        Documented: `extra.webhook.test_mode` makes Novita send a mock event of the asked status
        to `extra.webhook.url` (https://novita.ai/docs/api-reference/model-apis-webhook). Inferred:
        no video is made and nothing is billed, and the answer is that of any submit. In case
        that is wrong, what is asked for is the least that can be: 8 frames of 256x256 in 1 step.

        Raises:
            ProviderError: As `submit`.
        """
        body: dict[str, object] = {
            "model_name": model,
            "height": MIN_SIDE,
            "width": MIN_SIDE,
            "steps": 1,
            "seed": 0,
            "prompts": [{"frames": MIN_PART_FRAMES, "prompt": "a test of the webhook"}],
            "extra": {"response_video_type": "mp4"},
        }
        return await self._submit(with_webhook(body, hook_url, is_test=True), secrets=(hook_url,))

    async def _submit(self, body: Mapping[str, object], *, secrets: Sequence[str]) -> str:
        """Return the task's id; a refusal may quote the body, so its secrets are taken out."""
        answer = await self._http.call(
            "POST", self._base_url + TXT2VIDEO, json=body, headers=self._headers
        )
        task_id = self._read(answer, Submitted, secrets=secrets).task_id
        self._fresh.add(task_id)
        return task_id

    async def _list(self, kind: Kind) -> Sequence[Model]:
        models: list[Model] = []
        cursor = ""
        for _ in range(MAX_PAGES):
            page = await self._page(kind, cursor)
            models += page.models
            if not page.models or page.pagination.next_cursor in ("", cursor):
                break
            cursor = page.pagination.next_cursor
        return models

    async def _page(self, kind: Kind, cursor: str) -> ModelPage:
        params = {"filter.types": kind.value, "pagination.limit": str(PAGE)}
        if cursor:
            params["pagination.cursor"] = cursor
        answer = await self._http.call(
            "GET", self._base_url + MODELS, params=params, headers=self._headers
        )
        return self._read(answer, ModelPage)

    @property
    def _headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self._key}"}

    def _read(self, answer: Answer, kind: type[Body], *, secrets: Sequence[str] = ()) -> Body:
        """Return what was hoped for, whatever the status says beside it, or raise what it means."""
        if 200 <= answer.status < 300:
            try:
                return kind.model_validate(answer.json())
            except ValidationError:
                pass  # its text quotes the body; what is in there is said below, without secrets
        raise error_of(answer, secrets=[*secrets, self._key])

    def _look_of_missing(self, task_id: str, answer: Answer) -> Look:
        error = error_of(answer, secrets=[self._key])
        if not self._fresh.may_miss(task_id):
            raise error
        return Look(stage=Stage.RUNNING, detail=error.detail)


class _FreshTasks:
    """The latest submits that no look has found yet, and how often each was missed."""

    def __init__(self) -> None:
        self._misses: OrderedDict[str, int] = OrderedDict()

    def add(self, task_id: str) -> None:
        """Remember a submit, and forget the oldest if there are too many."""
        self._misses[task_id] = 0
        if len(self._misses) > REMEMBERED_TASKS:
            self._misses.popitem(last=False)

    def found(self, task_id: str) -> None:
        """Forget a task that is known by now."""
        self._misses.pop(task_id, None)

    def may_miss(self, task_id: str) -> bool:
        """Count a miss, and say whether the task is young enough for it."""
        if task_id not in self._misses:
            return False
        self._misses[task_id] += 1
        return self._misses[task_id] <= FORGIVEN_MISSES


def look_of(result: TaskResult, *, secrets: Sequence[str] = ()) -> Look:
    """Return where a task stands; a status that is not known is still running."""
    task = result.task
    if task.status in FAILED:
        detail = f"{task.status} {plain(task.reason, secrets)}".strip()
        return Look(stage=Stage.FAILED, failure=failure_of(task.reason), detail=detail)
    return Look(
        stage=Stage.DONE if task.status == DONE else Stage.RUNNING,
        url=next((video.video_url for video in result.videos if video.video_url), None),
        eta_s=task.eta if task.eta and task.eta > 0 else None,  # 0 is said of any waiting task
        fraction=_fraction(task.progress_percent),
        effective=_effective(result.extra.seed),
        detail=plain(task.status, secrets),
        is_flagged=result.is_flagged,
    )


def _effective(seed: int | None) -> Mapping[str, object]:
    """Return what it says it used: the seed, unless it only repeats "any"."""
    return {} if seed is None or seed < 0 else {"seed": seed}


def _fraction(percent: float | None) -> float | None:
    """Return 0 to 1; at 0 nothing was said, as tasks without progress stay there to their end."""
    return min(1.0, percent / 100) if percent and percent > 0 else None
