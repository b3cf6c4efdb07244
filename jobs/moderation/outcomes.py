"""What members look up of the cases that they brought."""

from collections.abc import Sequence

from jobs.model import Requester
from jobs.moderation.cases import Case, CaseState
from jobs.ports import Clock, OutcomeStore

LISTED = 10


class Outcomes:
    """The members' way to what became of their cases."""

    def __init__(self, *, store: OutcomeStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def cases_of(self, by: Requester) -> Sequence[Case]:
        """Return what a member brought in a server, newest first; outcomes count as read."""
        found = await self._store.cases_of(by.guild_id, by.user_id, limit=LISTED)
        await self.mark_told([case for case in found if case.state is not CaseState.OPEN])
        return found

    async def wish_dm(self, number: int, *, by: Requester, wants_dm: bool) -> Case:
        """Note whether a member wants a direct message when their case is decided.

        If it is decided already, they are shown the outcome now, so nothing more is told.

        Raises:
            NotFoundError: They have brought none of that number in that server.
        """
        case = await self._store.wish_dm(by.guild_id, number, by.user_id, wants_dm=wants_dm)
        if case.state is not CaseState.OPEN:
            await self.mark_told([case])
        return case

    async def untold(self, by: Requester) -> Sequence[Case]:
        """Return a member's decided cases whose outcome they have not read."""
        return await self._store.untold(by.guild_id, by.user_id)

    async def mark_told(self, cases: Sequence[Case]) -> None:
        """Note that outcomes were read."""
        await self._store.mark_told(cases, now=self._clock.now())
