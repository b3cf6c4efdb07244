"""How members appeal against the refusal of a prompt, and what an accepted appeal lets through.

Only what a server's own moderators refuse can be appealed to them: the operator's policy is not
theirs to put aside.
"""

import logging
from collections.abc import Set as AbstractSet

from jobs.errors import NotFoundError, PolicyError, StorageError
from jobs.events import Notices
from jobs.model import Requester
from jobs.moderation.cases import MAX_APPEALED_CHARS, Case, CaseKind, Draft, ReplyToken, reason_of
from jobs.moderation.refusals import Refusal, digest_of, prompt_of
from jobs.ports import AppealStore, CaseStore, Clock
from jobs.request import VideoRequest
from jobs.text import plain

logger = logging.getLogger(__name__)

GONE = "This refusal is too old to be appealed; send the prompt again, and then appeal."


class Appeals:
    """The way from a refusal to the moderators, and back to the queue."""

    def __init__(
        self, *, store: AppealStore, cases: CaseStore, notices: Notices, clock: Clock
    ) -> None:
        self._store = store
        self._cases = cases
        self._notices = notices
        self._clock = clock

    async def lifted(self, request: VideoRequest, *, by: Requester) -> AbstractSet[str]:
        """Return the names of the rules that an accepted appeal put aside for a prompt."""
        digest = digest_of(request)
        return await self._store.lifted(by.guild_id, by.user_id, digest, now=self._clock.now())

    async def offer(
        self, error: PolicyError, request: VideoRequest, *, by: Requester
    ) -> PolicyError:
        """Return a refusal that can be appealed, if it can: its prompt is kept for a day."""
        prompt = plain(prompt_of(request))
        if not error.rules or len(prompt) > MAX_APPEALED_CHARS:
            return error
        refusal = Refusal(
            guild_id=by.guild_id,
            user_id=by.user_id,
            prompt=prompt,
            digest=digest_of(request),
            rules=error.rules,
            refused_at=self._clock.now(),
        )
        try:
            number = await self._store.keep(refusal)
        except StorageError:  # it stays refused; only the button is missing
            logger.exception("A refusal was not kept", extra={"action": "refusal_not_kept"})
            return error
        return PolicyError(error.user_message, rules=error.rules, refusal=number)

    async def refusal(self, number: int, *, by: Requester) -> Refusal:
        """Return a refusal of a member's that can still be appealed.

        Raises:
            NotFoundError: It is somebody else's, of another server, or too old.
        """
        refusal = await self._store.refusal(number, now=self._clock.now())
        if refusal is None or (refusal.user_id, refusal.guild_id) != (by.user_id, by.guild_id):
            raise NotFoundError(GONE)
        return refusal

    async def appeal(
        self, number: int, *, by: Requester, reason: str, reply: ReplyToken | None = None
    ) -> Case:
        """Ask the moderators to let a refused prompt pass.

        Raises:
            NotFoundError: It is somebody else's, of another server, or too old.
            NotAllowedError: They have appealed this before.
            QuotaExceededError: Too many of their appeals wait.
            RequestError: There is no reason.
        """
        refusal = await self.refusal(number, by=by)
        case = await self._cases.open(
            Draft(
                kind=CaseKind.APPEAL,
                guild_id=by.guild_id,
                user_id=by.user_id,
                member_id=by.user_id,
                cause=refusal.cause,
                about=refusal.prompt,
                reason=reason_of(reason),
                opened_at=self._clock.now(),
                rules=refusal.rules,
                reply=reply,
            )
        )
        self._notices.news_added()
        return case
