"""Videos that wait to be posted, and what was posted of them."""

from bot.sandbox import Message
from jobs.model import Job
from jobs.states import JobState
from tests.cogs.conftest import House
from tests.factories import make_receipt


async def rendered(house: House, *, attempt: int = 1) -> tuple[Job, Message]:
    """Return a job whose video waits to be posted, and its card."""
    job, card = await house.queued(house.sandbox.ben)
    job = job.evolve(
        state=JobState.DELIVERING,
        attempt=attempt,
        rendered_at=house.clock.now(),
        receipt=make_receipt(job),
    )
    return job, card


def results(house: House, job: Job) -> list[Message]:
    messages = house.sandbox.channel.messages.values()
    return [m for m in messages if any(a.filename == job.file_name for a in m.attachments)]
