"""The life of a job, one step per function: each takes it from one state to the next.

A step writes its intent, acts, and writes what came of it; it can be repeated from the
written state after a crash at any point. What must not be repeated is a paid submit: it is
made once per job, and if its answer is lost the job waits as `unconfirmed`.
"""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import assert_never

from jobs.board import Board
from jobs.errors import (
    BusyError,
    FlipbookError,
    InterruptedRenderError,
    MediaError,
    ProviderError,
    RefusedError,
    RenderCancelledError,
    RequestError,
    StorageFullError,
    UnavailableError,
    UnconfirmedError,
)
from jobs.failover import elsewhere
from jobs.intake import Intake
from jobs.model import (
    Delivered,
    Failure,
    Gone,
    Job,
    Later,
    Origin,
    Outcome,
    Receipt,
    Submission,
    TooLarge,
)
from jobs.ports import (
    ArtifactStore,
    Catalogue,
    Clock,
    Delivery,
    JobStore,
    Media,
    Provider,
)
from jobs.prices import PriceTable
from jobs.quota import settlement_of
from jobs.retry import MAX_SETBACKS, retry_delay
from jobs.states import JobState

logger = logging.getLogger(__name__)

MAX_FITS = 3  # how often a file is made smaller before the channel counts as impossible
FIT_MARGIN = 0.95  # a limit that was announced wrongly once is approached from below
# How long a paid video can still be had: ModelsLab deletes temporary files after a day
# (https://docs.modelslab.com/video-api/texttovideo, `temp`). A full disk or a broken network
# that is mended before loses no video.
VIDEO_LIFE = timedelta(hours=24)


class Steps:
    """What can be done with a job in each of its active states."""

    def __init__(  # noqa: PLR0913 - the subject's ports, each once
        self,
        *,
        jobs: JobStore,
        catalogue: Catalogue,
        artifacts: ArtifactStore,
        media: Media,
        deliveries: Mapping[Origin, Delivery],
        board: Board,
        clock: Clock,
        version: str,
        prices: PriceTable | None = None,
    ) -> None:
        self._jobs = jobs
        self._catalogue = catalogue
        self._artifacts = artifacts
        self._media = media
        self._deliveries = deliveries
        self._board = board
        self._clock = clock
        self._intake = Intake(artifacts=artifacts, media=media, clock=clock, version=version)
        self._prices = prices or PriceTable()

    async def take(self, job: Job) -> Job:
        """Move an active job on by one step and return it as it now stands."""
        match job.state:
            case JobState.SUBMITTING:
                return await self.submit(job)
            case JobState.RUNNING:
                return await self.render(job)
            case JobState.FETCHING:
                return await self.fetch(job)
            case JobState.READY:
                return await self.move(job, JobState.DELIVERING)
            case JobState.DELIVERING:
                return await self.deliver(job)
            case _:
                message = f"a job in {job.state} has no next step"
                raise ValueError(message)

    async def submit(self, job: Job) -> Job:
        """Hand the job to its backend; the attempt token was written by the claim."""
        try:
            provider = self._catalogue.provider(job.backend)
            image = self._artifacts.image_path(job.request.image) if job.request.image else None
            submission = await provider.submit(job, token=job.attempt_token or "", image=image)
        except BusyError as error:
            return await self._wait(job, error)
        except UnavailableError as error:
            return await self._set_back(job, "unavailable", error, after_s=error.retry_after_s)
        except UnconfirmedError as error:
            return await self.fail(job, "unconfirmed", error, state=JobState.UNCONFIRMED)
        except (RefusedError, RequestError) as error:
            return await self._turned_away(job, error)
        except RenderCancelledError:
            return await self.move(job, JobState.CANCELLED)
        return await self._accepted(job, submission)

    async def heal(self, job: Job, submission: Submission, *, lease_until: datetime) -> Job:
        """Take up what the lost answer of a submit would have said.

        Raises:
            StaleAttemptError: The job is no longer unconfirmed under this attempt.
        """
        return await self._accepted(job, submission, failure=None, lease_until=lease_until)

    async def render(self, job: Job) -> Job:
        """Follow the backend until it is done."""
        try:
            async for progress in self._provider(job).watch(job):
                self._board.tell(job, progress)
        except RenderCancelledError:
            return await self.move(job, JobState.CANCELLED)
        except InterruptedRenderError as error:
            return await self._repeat(job, "interrupted", error)
        except ProviderError as error:
            return await self.fail(job, "render_failed", error)
        return await self.move(job, JobState.FETCHING, rendered_at=self._clock.now())

    async def fetch(self, job: Job) -> Job:
        """Take the file over: stream, decode to the end, tag with the receipt, keep."""
        try:
            receipt = job.receipt or self._receipt(job)
            artifact, receipt = await self._intake.take(job, self._provider(job), receipt)
            return await self.move(job, JobState.READY, receipt=receipt, artifact=artifact)
        except InterruptedRenderError as error:
            return await self._repeat(job, "interrupted", error)
        except StorageFullError as error:
            return await self._repeat(job, "disk_full", error)
        except (UnavailableError, UnconfirmedError) as error:
            return await self._repeat(job, "no_download", error)
        except (ProviderError, MediaError) as error:
            await self._artifacts.discard(job)
            return await self.fail(job, "bad_file", error)

    async def deliver(self, job: Job) -> Job:
        """Post the result until somebody says that it stands, or that it never will."""
        assert job.artifact is not None, "only a kept video is delivered"  # noqa: S101 - the state table says so
        file = original = self._artifacts.path(job.artifact)
        for _ in range(MAX_FITS + 1):
            outcome = await self._post(job, file)
            match outcome:
                case Delivered(message_id=message_id):
                    done = await self.move(job, JobState.DONE, message_id=message_id)
                    await self._artifacts.discard(job)  # the copy that was made to fit
                    return done
                case Gone(reason=reason, is_ours=is_ours):
                    return await self._undelivered(job, reason, is_ours=is_ours)
                case TooLarge(limit=limit):
                    try:
                        file = await self._media.fit(original, round(limit * FIT_MARGIN))
                    except MediaError as error:
                        return await self._undelivered(job, error.user_message, is_ours=True)
                case _:
                    assert_never(outcome)
        return await self._undelivered(
            job, "The video does not fit into this channel's upload limit.", is_ours=True
        )

    async def move(self, job: Job, state: JobState, **changes: object) -> Job:
        """Write a job's next state; an end settles the books in the same transaction."""
        now = self._clock.now()
        is_end = state.is_final
        after = job.evolve(state=state, **({"ended_at": now} if is_end else {}), **changes)
        after = await self._jobs.save(job, after, now=now, settle=settlement_of(after))
        logger.info("Job %s: %s → %s", job.id, job.state, state, extra={"action": f"job_{state}"})
        if is_end:  # the row forgets the interaction's token; the last card may still need it
            return after.evolve(address=job.address)
        self._board.tell(after)
        return after

    async def fail(
        self, job: Job, code: str, error: FlipbookError, *, state: JobState = JobState.FAILED
    ) -> Job:
        """End a job (or park it) with a sentence for the one who asked."""
        self._log_trouble(job, code, error)
        return await self.move(job, state, failure=Failure(code=code, message=error.user_message))

    async def requeue(self, job: Job, **changes: object) -> Job:
        """Put an unpaid job back in its place in the queue."""
        fresh: dict[str, object] = {
            "attempt_token": None,
            "provider_job_id": None,
            "endpoint": None,
            "started_at": None,
            "rendered_at": None,
            "receipt": None,
            "due_at": None,
        }
        return await self.move(job, JobState.QUEUED, **{**fresh, **changes})

    async def _accepted(self, job: Job, submission: Submission, **changes: object) -> Job:
        receipt = self._receipt(job).evolve(
            provider_job_id=submission.provider_job_id,
            sent=dict(submission.sent),
            effective=dict(submission.effective),
        )
        if submission.price_micros is not None:  # in the books, a commit takes no more than held
            price = submission.price_micros
            currency = job.currency or self._prices.currency
            changes = {**changes, "price_micros": price, "currency": currency}
            receipt = receipt.evolve(price_micros=price, price_is_actual=True, currency=currency)
        return await self.move(
            job,
            JobState.RUNNING,
            provider_job_id=submission.provider_job_id,
            endpoint=submission.endpoint,
            receipt=receipt,
            started_at=self._clock.now(),
            **changes,
        )

    async def _turned_away(self, job: Job, error: RefusedError | RequestError) -> Job:
        """End a job that was refused; one that meets a closed door goes to the next backend."""
        is_closed = isinstance(error, RefusedError) and error.refuses_everyone
        changes = elsewhere(job, self._catalogue, self._prices) if is_closed else None
        if changes is None:
            return await self.fail(job, "refused", error)
        self._log_trouble(job, "moves_on", error)
        return await self.requeue(job, **changes)

    async def _repeat(self, job: Job, code: str, error: FlipbookError) -> Job:
        """Try again what went wrong on this side: render, or only fetch what was paid for."""
        await self._artifacts.discard(job)
        if self._provider(job).is_paid:
            return await self._stay(job, code, error)
        return await self._set_back(job, code, error)

    async def _stay(self, job: Job, code: str, error: FlipbookError) -> Job:
        """Wait with a paid job where it stands, unless its video must be gone by now."""
        now = self._clock.now()
        if now - (job.rendered_at or job.started_at or now) >= VIDEO_LIFE:
            return await self.fail(job, code, error)
        self._log_trouble(job, code, error)
        waiting = await self.move(job, job.state, setbacks=job.setbacks + 1)
        after_s = error.retry_after_s if isinstance(error, UnavailableError) else None
        await self._clock.sleep(retry_delay(waiting.setbacks, after_s).total_seconds())
        return waiting

    async def _set_back(
        self, job: Job, code: str, error: FlipbookError, *, after_s: float | None = None
    ) -> Job:
        """Queue a job again for later, unless that happened too often."""
        setbacks = job.setbacks + 1
        if setbacks >= MAX_SETBACKS:
            return await self.fail(job, code, error)
        self._log_trouble(job, code, error)
        if isinstance(error, InterruptedRenderError):
            return await self.requeue(job, setbacks=setbacks)
        due_at = self._clock.now() + retry_delay(setbacks, after_s)
        return await self.requeue(job, setbacks=setbacks, due_at=due_at)

    async def _wait(self, job: Job, error: BusyError) -> Job:
        """Queue a job again because its backend takes nothing on just now: that is no setback."""
        logger.info("Job %s: %s %s", job.id, error, error.detail, extra={"action": "job_waits"})
        due_at = self._clock.now() + retry_delay(1, error.retry_after_s)
        return await self.requeue(job, due_at=due_at)

    async def _post(self, job: Job, file: Path) -> Delivered | TooLarge | Gone:
        """Deliver; where the answer is "later", wait and deliver again."""
        while True:
            outcome: Outcome = await self._deliveries[job.origin].deliver(job, file)
            if not isinstance(outcome, Later):
                return outcome
            logger.warning(
                "Job %s is delivered later: %s",
                job.id,
                outcome.reason,
                extra={"action": "delivery_later"},
            )
            await self._clock.sleep((outcome.at - self._clock.now()).total_seconds())

    async def _undelivered(self, job: Job, reason: str, *, is_ours: bool) -> Job:
        failure = Failure(code="undelivered", message=reason, is_ours=is_ours)
        undelivered = await self.move(job, JobState.UNDELIVERED, failure=failure)
        await self._artifacts.discard(job)  # the copies that were made to fit
        return undelivered

    def _log_trouble(self, job: Job, code: str, error: FlipbookError) -> None:
        """Tell the operator the cause, which is not for the channel."""
        detail = error.detail if isinstance(error, ProviderError) else ""
        logger.warning(
            "Job %s: %s: %s %s", job.id, code, error, detail, extra={"action": f"job_{code}"}
        )

    def _provider(self, job: Job) -> Provider:
        return self._catalogue.provider(job.backend)

    def _receipt(self, job: Job) -> Receipt:
        hashes = {model.id: model.hash for model in self._provider(job).models()}
        return Receipt(
            job_id=job.id,
            asked=job.asked.model_dump(mode="json", exclude_none=True),
            seed=job.request.seed,
            provider=job.backend,
            model=job.request.model,
            model_hash=hashes.get(job.request.model, ""),
            cost=job.request.cost,
            price_micros=job.price_micros,
            currency=job.currency,
            parent_job=job.parent_id,
        )
