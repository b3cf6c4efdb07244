"""The life of a job, one step per function: each takes it from one state to the next.

A step writes its intent, acts, and writes what came of it; it can be repeated from the
written state after a crash at any point. What must not be repeated is a paid submit: it is
made once per job, and if its answer is lost the job waits as `unconfirmed`.
"""

from collections.abc import Mapping
from datetime import datetime

from jobs.board import Board
from jobs.errors import (
    BusyError,
    FlaggedError,
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
from jobs.intake import Intake
from jobs.model import Job, Origin, Receipt, Submission
from jobs.moves import Moves
from jobs.ports import (
    ArtifactStore,
    Catalogue,
    Clock,
    Delivery,
    JobStore,
    Media,
    Provider,
    QuotaStore,
)
from jobs.posting import Posting
from jobs.prices import PriceTable
from jobs.setbacks import Setbacks
from jobs.states import JobState


class Steps:
    """What can be done with a job in each of its active states.

    Attributes:
        moves: Writes what came of it.
        setbacks: The ways out where something went wrong.
    """

    def __init__(  # noqa: PLR0913 - the subject's ports, each once
        self,
        *,
        jobs: JobStore,
        quotas: QuotaStore,
        catalogue: Catalogue,
        artifacts: ArtifactStore,
        media: Media,
        deliveries: Mapping[Origin, Delivery],
        board: Board,
        clock: Clock,
        version: str,
        prices: PriceTable | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._artifacts = artifacts
        self._board = board
        self._clock = clock
        self._prices = prices or PriceTable()
        self._intake = Intake(artifacts=artifacts, media=media, clock=clock, version=version)
        self.moves = Moves(jobs=jobs, board=board, clock=clock)
        self.setbacks = Setbacks(
            moves=self.moves,
            quotas=quotas,
            catalogue=catalogue,
            artifacts=artifacts,
            prices=self._prices,
            clock=clock,
        )
        self._posting = Posting(
            moves=self.moves, artifacts=artifacts, media=media, deliveries=deliveries, clock=clock
        )

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
                return await self.moves.move(job, JobState.DELIVERING)
            case JobState.DELIVERING:
                return await self._posting.deliver(job)
            case _:
                message = f"a job in {job.state} has no next step"
                raise ValueError(message)

    async def submit(self, job: Job) -> Job:
        """Hand the job to its backend; the attempt token was written by the claim."""
        try:
            provider = self._provider(job)
            image = self._artifacts.image_path(job.request.image) if job.request.image else None
            submission = await provider.submit(job, token=job.attempt_token or "", image=image)
        except BusyError as error:
            return await self.setbacks.busy(job, error)
        except UnavailableError as error:
            return await self.setbacks.not_sent(job, error)
        except UnconfirmedError as error:
            return await self.moves.fail(job, "unconfirmed", error, state=JobState.UNCONFIRMED)
        except (RefusedError, RequestError) as error:
            return await self.setbacks.turned_away(job, error)
        except RenderCancelledError:
            return await self.moves.move(job, JobState.CANCELLED)
        # A paid job is not submitted again: what kept it from it is no setback of what follows.
        changes: dict[str, object] = {"setbacks": 0} if provider.is_paid else {}
        return await self._accepted(job, submission, changes)

    async def heal(self, job: Job, submission: Submission, *, lease_until: datetime) -> Job:
        """Take up what the lost answer of a submit would have said.

        Raises:
            StaleAttemptError: The job is no longer unconfirmed under this attempt.
        """
        changes: dict[str, object] = {"failure": None, "setbacks": 0, "lease_until": lease_until}
        return await self._accepted(job, submission, changes)

    async def render(self, job: Job) -> Job:
        """Follow the backend until it is done."""
        try:
            async for progress in self._provider(job).watch(job):
                self._board.tell(job, progress)
        except RenderCancelledError:
            return await self.moves.move(job, JobState.CANCELLED)
        except InterruptedRenderError as error:
            return await self.setbacks.repeat(job, "interrupted", error)
        except ProviderError as error:
            return await self.moves.fail(job, _code_of(error, "render_failed"), error)
        return await self.moves.move(job, JobState.FETCHING, rendered_at=self._clock.now())

    async def fetch(self, job: Job) -> Job:
        """Take the file over: stream, decode to the end, tag with the receipt, keep."""
        try:
            receipt = job.receipt or self._receipt(job)
            artifact, receipt = await self._intake.take(job, self._provider(job), receipt)
            return await self.moves.move(job, JobState.READY, receipt=receipt, artifact=artifact)
        except InterruptedRenderError as error:
            return await self.setbacks.repeat(job, "interrupted", error)
        except StorageFullError as error:
            return await self.setbacks.repeat(job, "disk_full", error)
        except (UnavailableError, UnconfirmedError) as error:
            return await self.setbacks.repeat(job, "no_download", error)
        except (ProviderError, MediaError) as error:
            await self._artifacts.discard(job)
            return await self.moves.fail(job, _code_of(error, "bad_file"), error)

    async def _accepted(
        self, job: Job, submission: Submission, changes: Mapping[str, object]
    ) -> Job:
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
        return await self.moves.move(
            job,
            JobState.RUNNING,
            provider_job_id=submission.provider_job_id,
            endpoint=submission.endpoint,
            receipt=receipt,
            started_at=self._clock.now(),
            **changes,
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


def _code_of(error: ProviderError | MediaError, otherwise: str) -> str:
    return "flagged" if isinstance(error, FlaggedError) else otherwise
