"""Sends the webhooks that API jobs asked for, out of a table, so no restart forgets one.

A receiver gets one message at a time, and several receivers are told at once: one that is slow or
gone holds up nobody else. What came of a message is noted and changes nothing for its job.
"""

import asyncio
import json
import logging
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.web.signatures import Signer
from jobs.callbacks import DELAYS_S, Callback, Outbox
from jobs.errors import UnavailableError
from jobs.events import either
from jobs.model import JobId
from jobs.ports import Clock
from providers.addresses import ForbiddenAddressError
from providers.posts import Posts

logger = logging.getLogger(__name__)

LOOK_S = 60.0  # how often the table is looked at without a notice
RECEIVERS_AT_ONCE = 8
IN_HAND = timedelta(seconds=60)  # a try that nobody saw the end of counts as failed after it


class Callbacks:
    """Runs beside the runner until it is cancelled.

    Args:
        outbox: Keeps what is to be told.
        posts: Sends it.
        clock: Tells the time.
        signer: Numbers and signs it.
    """

    def __init__(
        self, *, outbox: Outbox, posts: Posts, clock: Clock, signer: Signer | None = None
    ) -> None:
        self._outbox = outbox
        self._posts = posts
        self._clock = clock
        self._signer = signer or Signer()
        self._woken = asyncio.Event()
        self._busy: set[str] = set()  # receivers that are being told something

    async def add(
        self, url: str, body: Mapping[str, object], *, job_id: JobId | None = None
    ) -> None:
        """Have a receiver told something soon; the end of a job is told once.

        Args:
            url: Whatever the asker wrote; one that is never opened is given up.
            body: Sent as JSON.
            job_id: The job whose end it is; None for a mock event.

        Raises:
            StorageError: It cannot be written down.
        """
        text = json.dumps(body, allow_nan=False)
        message_id, now = f"msg_{secrets.token_hex(12)}", self._clock.now()
        if await self._outbox.add(url, text, message_id=message_id, job_id=job_id, now=now):
            self._woken.set()

    async def run(self) -> None:
        """Send what is due: at the start, when something is added, and when its time comes."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._woken.clear()
                try:
                    await self._begin_due(group)
                    wait_s = await self._wait_s()
                except Exception:
                    logger.exception("Webhooks not read", extra={"action": "callbacks_failed"})
                    wait_s = LOOK_S
                await either(self._clock, wait_s, self._woken.wait())

    async def _begin_due(self, group: asyncio.TaskGroup) -> None:
        """Start as many as there is room for; each that ends makes room and wakes the loop."""
        limit = RECEIVERS_AT_ONCE + len(self._busy)  # those in hand may come first
        for callback in await self._outbox.due(now=self._clock.now(), limit=limit):
            if callback.host not in self._busy and len(self._busy) < RECEIVERS_AT_ONCE:
                self._busy.add(callback.host)
                group.create_task(self._see_to(callback), name=f"webhook {callback.number}")

    async def _wait_s(self) -> float:
        now = self._clock.now()
        due_at = await self._outbox.next_due_at(after=now)
        return LOOK_S if due_at is None else min(LOOK_S, (due_at - now).total_seconds())

    async def _see_to(self, callback: Callback) -> None:
        """Have one told, and keep its trouble from the others."""
        try:
            await self._tell(callback)
        except Exception:  # not woken: whatever it is, it is not tried again at once
            logger.exception(
                "Webhook %s broke", callback.number, extra={"action": "callback_broke"}
            )
        else:
            self._woken.set()
        finally:
            self._busy.discard(callback.host)

    async def _tell(self, callback: Callback) -> None:
        if callback.is_spent:  # this process, or one before it, died during the last try
            await self._end(callback, "no answer was seen")
            return
        if not await self._outbox.begin(callback, due_at=self._clock.now() + IN_HAND):
            return
        try:
            status = await self._post(callback)
        except ForbiddenAddressError as error:
            await self._end(callback, error.detail)
        except UnavailableError as error:
            await self._put_off(callback, error.detail)
        else:
            if 200 <= status < 300:
                await self._end(callback, "told")
            else:
                await self._put_off(callback, f"status {status}")

    async def _post(self, callback: Callback) -> int:
        body = callback.body.encode()
        signed = self._signer.headers(callback.message_id, body, at=self._clock.now())
        headers = {"Content-Type": "application/json", **signed}
        return await self._posts.post(callback.url, body, headers=headers)

    async def _put_off(self, callback: Callback, outcome: str) -> None:
        """Try again later, unless that was the last time."""
        if callback.tries < len(DELAYS_S):
            due_at = self._clock.now() + timedelta(seconds=DELAYS_S[callback.tries])
            await self._end(callback, outcome, due_at=due_at)
        else:
            await self._end(callback, outcome)

    async def _end(
        self, callback: Callback, outcome: str, *, due_at: datetime | None = None
    ) -> None:
        await self._outbox.end(callback, outcome, due_at=due_at)
        logger.info(
            "Webhook of job %s: %s%s",
            callback.job_id or "none",
            outcome,
            "" if due_at is None else ", tried again",
            extra={"action": "callback_put_off" if due_at else "callback_over"},
        )
