"""Posts a finished video, until somebody says that it stands or that it never will."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import assert_never

from jobs.errors import MediaError
from jobs.model import Delivered, Failure, Gone, Job, Later, Origin, Outcome, TooLarge
from jobs.moves import Moves
from jobs.ports import ArtifactStore, Clock, Delivery, Media
from jobs.states import JobState

logger = logging.getLogger(__name__)

MAX_FITS = 3  # how often a file is made smaller before the channel counts as impossible
FIT_MARGIN = 0.95  # a limit that was announced wrongly once is approached from below


class Posting:
    """The way from our disk to the one who asked."""

    def __init__(
        self,
        *,
        moves: Moves,
        artifacts: ArtifactStore,
        media: Media,
        deliveries: Mapping[Origin, Delivery],
        clock: Clock,
    ) -> None:
        self._moves = moves
        self._artifacts = artifacts
        self._media = media
        self._deliveries = deliveries
        self._clock = clock

    async def deliver(self, job: Job) -> Job:
        """Post the result, made smaller where the channel asks for that."""
        assert job.artifact is not None, "only a kept video is delivered"  # noqa: S101 - the state table says so
        file = original = self._artifacts.path(job.artifact)
        for _ in range(MAX_FITS + 1):
            outcome = await self._post(job, file)
            match outcome:
                case Delivered(message_id=message_id):
                    done = await self._moves.move(job, JobState.DONE, message_id=message_id)
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
            await self._moves.rest(job, (outcome.at - self._clock.now()).total_seconds())

    async def _undelivered(self, job: Job, reason: str, *, is_ours: bool) -> Job:
        failure = Failure(code="undelivered", message=reason, is_ours=is_ours)
        undelivered = await self._moves.move(job, JobState.UNDELIVERED, failure=failure)
        await self._artifacts.discard(job)  # the copies that were made to fit
        return undelivered
