"""The account at ModelsLab: submits, looks, and lists the models. See `refusals` for money."""

import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from jobs.errors import MediaError, ProviderError
from jobs.request import ProviderName, ResolvedRequest
from providers.hosted.api import Accepted, Limits, Look, Order, Shelf, Stage
from providers.http import Answer, Http
from providers.modelslab import refusals
from providers.modelslab.dialects import Dialect, Endpoint
from providers.modelslab.models import documented_models, listed_models
from providers.modelslab.request import check, write_body
from providers.modelslab.wire import Reply, read_text, read_webhook

logger = logging.getLogger(__name__)

QUEUED_PAYG = 5  # requests an account may have queued; 10 and 15 on larger plans (rate-limits.mdx)
DEADLINES_S = {Dialect.V4: 1800.0, Dialect.V6: 3600.0, Dialect.V7: 3600.0}  # v6 says eta 960
REMEMBERED = 2048  # jobs whose links are kept in mind
LONGEST_FILE = 2 * 1024**3  # bytes; only the first of them are read to see whether it is there

ACCOUNT_CODES = frozenset({401, 402, 403, 429})  # said of whoever asks, not of the job
REFUSED_WORDS = frozenset({"error", "failed"})
TAKEN_WORDS = frozenset({"success", "processing"})


@dataclass(slots=True, kw_only=True)
class _Memory:
    """What was said of a job and is said nowhere else; lost with the process, and not needed."""

    video: str | None = None  # given at the submit already
    future: str | None = None  # where the video will be


class ModelsLabApi:
    """One account; implements `providers.hosted.api.Api`.

    Args:
        http: May call `base_url`.
        base_url: Without a path, e.g. `https://stablediffusionapi.com`.
        dialect: Of new jobs; a job that is under way keeps its own.
        key: The account's secret; it travels in bodies and is never repeated anywhere.
        in_flight: Requests that the account may have queued.
    """

    def __init__(
        self, *, http: Http, base_url: str, dialect: Dialect, key: str, in_flight: int = QUEUED_PAYG
    ) -> None:
        self._http = http
        self._endpoint = Endpoint(dialect=dialect, base_url=base_url.rstrip("/"))
        self._key = key
        self._in_flight = in_flight
        self._memories: OrderedDict[str, _Memory] = OrderedDict()
        self._strange_words: set[str] = set()

    @property
    def name(self) -> ProviderName:
        """Return the provider's name."""
        return ProviderName.MODELSLAB

    @property
    def endpoint(self) -> str:
        """Return the dialect and the base URL of new jobs."""
        return str(self._endpoint)

    @property
    def limits(self) -> Limits:
        """Return what the account may do."""
        deadline_s = DEADLINES_S[self._endpoint.dialect]
        return Limits(in_flight=self._in_flight, deadline_s=deadline_s)

    def check(self, request: ResolvedRequest) -> Sequence[str]:
        """Return a sentence for each option that the dialect cannot honour.

        Raises:
            RequestError: An init image, or a side that is too long.
        """
        return check(request, self._endpoint.dialect)

    async def submit(self, order: Order) -> Accepted:
        """Submit, once: this is the request that costs money.

        Raises:
            UnavailableError: Nothing was sent.
            BusyError: It takes nothing on just now.
            RefusedError: It said no.
            UnconfirmedError: It was sent, and no readable answer says what became of it.
        """
        sent = write_body(order.request, self._endpoint.dialect)
        answer = await self._http.call(
            "POST",
            self._endpoint.submit_url,
            json={
                "key": self._key,
                **sent,
                "webhook": order.hook_url,
                "track_id": order.token,
            },
        )
        reply = self._read(answer)
        if reply is None or not _is_taken(reply):
            raise self._not_taken(answer, reply)
        self._remember(reply)
        return Accepted(
            provider_job_id=reply.job_id,
            sent=sent,
            effective=reply.meta,
            eta_s=reply.eta,
            is_flagged=reply.nsfw_content_detected,
        )

    async def look(self, provider_job_id: str, *, endpoint: str) -> Look:
        """Ask how a job is; costs nothing and may be repeated.

        Raises:
            UnavailableError: Nothing was sent.
            BusyError: It is asked too often.
            RefusedError: It does not know the job; or, if it refuses everyone, it does not
                accept the account any more, which says nothing of the job.
            UnconfirmedError: The answer was lost or cannot be read; ask again.
        """
        there = Endpoint.parse(endpoint)
        answer = await self._http.call(
            "POST", there.fetch_url(provider_job_id), json={"key": self._key}
        )
        reply = self._read(answer)
        if reply is None or not reply.status:
            raise self._unreadable(answer, reply)
        if reply.status in REFUSED_WORDS:
            return await self._read_no(provider_job_id, there, answer, reply)
        memory = self._memory(provider_job_id)
        memory.future = next(iter(reply.future_links), memory.future)
        if reply.status == "success":
            url = reply.video or memory.video
            is_flagged = reply.nsfw_content_detected
            return Look(stage=Stage.DONE, url=url, effective=reply.meta, is_flagged=is_flagged)
        self._note_strange(reply.status)
        return Look(stage=Stage.RUNNING, eta_s=reply.eta, effective=reply.meta)

    def named_in(self, body: bytes) -> str | None:
        """Return the job id that a webhook's body names; a hint, to be confirmed by a look."""
        return read_webhook(body)

    async def shelf(self) -> Shelf:
        """Ask for the models; where there is no list, only whether the key is good.

        Raises:
            UnavailableError: Nothing was sent.
            BusyError: It is asked too often.
            RefusedError: It does not accept the account, or is not there.
            UnconfirmedError: The answer was lost or cannot be read; ask again.
        """
        answer = await self._http.call("POST", self._endpoint.shelf_url, json={"key": self._key})
        value = answer.json()
        models = listed_models(value)
        if models is not None:
            return Shelf(models=models)
        reply = self._read(answer)
        if self._endpoint.dialect is Dialect.V4 or reply is None or reply.status != "success":
            raise self._unreadable(answer, reply, is_shelf=True)
        return Shelf(models=documented_models(self._endpoint.dialect))

    def _read(self, answer: Answer) -> Reply | None:
        return Reply.read(answer.json(), secret=self._key)

    def _told(self, answer: Answer, reply: Reply | None) -> str:
        location = read_text(answer.headers.get("Location"), self._key)[:200]
        return refusals.told(reply, answer.status, location)

    def _not_taken(self, answer: Answer, reply: Reply | None) -> ProviderError:
        """Return what an answer to a submit means that did not take the job on."""
        detail = self._told(answer, reply)
        if reply is None:
            by_code = refusals.by_code(answer.status, detail, answer.retry_after_s)
            return by_code or refusals.unconfirmed(detail)
        said_no = reply.status in REFUSED_WORDS
        if not said_no and (reply.status or answer.status < 300):
            return refusals.unconfirmed(detail)  # "processing" without an id, or no status at all
        known = refusals.by_words(reply, detail, answer.retry_after_s)
        known = known or refusals.by_code(answer.status, detail, answer.retry_after_s)
        if known is None and answer.status < 300 and not reply.job_id:
            return refusals.refused(detail)
        return known or refusals.unconfirmed(detail)

    def _unreadable(
        self, answer: Answer, reply: Reply | None, *, is_shelf: bool = False
    ) -> ProviderError:
        """Return what an answer to a free question means that does not answer it."""
        detail = self._told(answer, reply)
        known = refusals.by_words(reply, detail, answer.retry_after_s) if reply else None
        if known is None and (is_shelf or answer.status in ACCOUNT_CODES):
            known = refusals.by_code(answer.status, detail, answer.retry_after_s)
        return known or refusals.unconfirmed(detail)

    async def _read_no(self, job_id: str, there: Endpoint, answer: Answer, reply: Reply) -> Look:
        """Read `error` and `failed`, which do not always mean the job."""
        detail = self._told(answer, reply)
        if refusals.is_not_found(reply) or answer.status == 404:
            return self._read_loss(job_id, detail)
        account = refusals.by_words(reply, detail, answer.retry_after_s)
        if account is None and answer.status in ACCOUNT_CODES:
            account = refusals.by_code(answer.status, detail, answer.retry_after_s)
        if account is not None and _is_about_the_account(account):
            raise account
        if answer.status >= 500 or refusals.is_not_understood(reply):
            raise refusals.unconfirmed(detail)
        if there.dialect is Dialect.V7 and reply.status == "error" and not reply.said:
            return await self._look_at_the_link(job_id, detail)
        return _failed(detail, is_flagged=refusals.is_about_content(reply))

    def _read_loss(self, job_id: str, detail: str) -> Look:
        """Read "Request not found": the video may have come with the submit's answer already.

        Raises:
            RefusedError: It has not. Right after a submit this need not be the last word, and
                whoever waits for the job hears it more than once before giving up.
        """
        video = self._memory(job_id).video
        if video is None:
            raise refusals.no_such_job(detail)
        return Look(stage=Stage.DONE, url=video, detail=detail)

    async def _look_at_the_link(self, job_id: str, detail: str) -> Look:
        """Look whether the video lies where it was announced.

        The v7 fetch has answered an error without words whatever the state (recorded by one
        client), and an announced link answers 200 with nothing in it while the job runs.
        """
        future = self._memory(job_id).future
        if future is not None and await self._has_content(future):
            return Look(stage=Stage.DONE, url=future, detail=detail)
        return Look(stage=Stage.RUNNING, detail=detail)

    async def _has_content(self, url: str) -> bool:
        try:
            async with self._http.download(url, limit=LONGEST_FILE) as chunks:
                async for chunk in chunks:
                    if chunk:
                        return True
        except (ProviderError, MediaError):
            return False  # not there, not there yet, or not an address to fetch from
        return False

    def _remember(self, reply: Reply) -> None:
        memory = self._memory(reply.job_id)
        memory.video = reply.video
        memory.future = next(iter(reply.future_links), None)

    def _memory(self, job_id: str) -> _Memory:
        memory = self._memories.setdefault(job_id, _Memory())
        self._memories.move_to_end(job_id)
        if len(self._memories) > REMEMBERED:
            self._memories.popitem(last=False)
        return memory

    def _note_strange(self, word: str) -> None:
        """Log a status that is not documented, once each."""
        if word in TAKEN_WORDS or word in self._strange_words or len(self._strange_words) > 100:
            return
        self._strange_words.add(word)
        logger.warning(
            "ModelsLab says %r of a job, which is read as running",
            word[:100],
            extra={"action": "modelslab_strange_status"},
        )


def _is_taken(reply: Reply) -> bool:
    """Say whether an answer to a submit names a job: what has an id was taken on.

    A job that has failed at once was taken on as well, and the next look says so.
    """
    return bool(reply.job_id) and reply.status not in {"", "error"}


def _is_about_the_account(error: ProviderError) -> bool:
    return not isinstance(error, refusals.RefusedError) or error.refuses_everyone


def _failed(detail: str, *, is_flagged: bool) -> Look:
    failure = "ModelsLab could not make this video."
    return Look(stage=Stage.FAILED, failure=failure, detail=detail, is_flagged=is_flagged)
