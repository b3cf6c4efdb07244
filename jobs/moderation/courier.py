"""Tells members what became of their reports and appeals, without being asked.

While the interaction that brought a case can still be answered, its member alone is told there.
After that nobody is written to who did not wish for a direct message. Whatever reaches nobody
stands in `/cases`, and is told when the member next uses Flipbook.
"""

import logging
from collections.abc import Iterator

from jobs.events import Notices, whenever
from jobs.moderation.cases import Case, Reached, Way
from jobs.ports import Clock, MemberPost, OutcomeStore

logger = logging.getLogger(__name__)

BATCH = 50


class Courier:
    """Runs beside the runner until it is cancelled."""

    def __init__(
        self, *, outcomes: OutcomeStore, post: MemberPost, notices: Notices, clock: Clock
    ) -> None:
        self._outcomes = outcomes
        self._post = post
        self._notices = notices
        self._clock = clock

    async def run(self) -> None:
        """Tell what was decided: at the start, when woken, and every minute."""
        event = self._notices.outcomes
        await whenever(event, self.tell_all, clock=self._clock, name="courier")

    async def tell_all(self) -> None:
        """Try once for each outcome that may reach somebody.

        Raises:
            StorageError: They cannot be read.
        """
        for case in await self._outcomes.to_tell(now=self._clock.now(), limit=BATCH):
            await self._tell(case)

    async def _tell(self, case: Case) -> None:
        """Tell one, and keep its trouble from the others."""
        try:
            await self._try_ways(case)
        except Exception:
            logger.exception("Case %s not told", case.number, extra={"action": "outcome_broke"})

    async def _try_ways(self, case: Case) -> None:
        for way in self._ways(case):
            match await self._post.tell(case, way):
                case Reached.YES:
                    await self._outcomes.mark_told([case], now=self._clock.now())
                    logger.info("Case %s told by %s", case.number, way)
                    return
                case Reached.LATER:
                    return
                case Reached.NEVER:
                    await self._outcomes.give_up(case, way)

    def _ways(self, case: Case) -> Iterator[Way]:
        """Yield the ways to a member, the one that disturbs them least first."""
        reply = case.draft.reply
        if reply is not None and self._clock.now() < reply.expires_at:
            yield Way.REPLY
        if case.wants_dm:
            yield Way.DM
