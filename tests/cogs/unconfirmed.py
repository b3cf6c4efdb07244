"""A job whose submit was never answered, and what moderators did about it."""

from bot.sandbox import Message
from jobs.errors import UnconfirmedError
from jobs.model import Job
from jobs.moderation.acts import PastAct
from tests.cogs.conftest import House


async def parked(house: House, prompt: str = "a red circle") -> tuple[Job, Message]:
    """Return a job of ben's whose submit was never answered, with its card."""
    house.provider.submit_errors = [UnconfirmedError("The provider's answer was lost.")]
    job, card = await house.queued(house.sandbox.ben, prompt=prompt)
    await house.sandbox.wait_for(lambda: "Waiting for the provider's word" in card.text)
    return await house.jobs.get(job.id), card


async def acts(house: House) -> list[PastAct]:
    return [*await house.audit.acts(int(house.sandbox.guild.id), limit=20)]
