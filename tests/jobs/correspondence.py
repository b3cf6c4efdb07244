"""Lost answers, the webhooks that tell of them, and the time until they are read."""

from jobs.errors import UnconfirmedError
from jobs.model import Job
from jobs.runner import TEND_S
from jobs.states import JobState
from tests.jobs.conftest import World


async def parked(world: World, prompt: str = "a cat") -> Job:
    """Return a job whose paid submit was never answered; a runner must run."""
    world.provider.submit_errors = [UnconfirmedError("The answer was lost.")]
    return await world.until(await world.ask(prompt), JobState.UNCONFIRMED)


async def write(world: World, job: Job, body: bytes = b"{}", token: str | None = None) -> None:
    """Let a webhook come in."""
    token = token or job.attempt_token
    assert token is not None
    assert await world.inbox.receive("novita", token, body, now=world.clock.now()) == job.id
    world.notices.letter_arrived()


async def until_read(world: World) -> None:
    """Let time pass until there is nothing left in the inbox."""
    while await world.inbox.unread(limit=100):
        await world.clock.until_asleep(TEND_S)
        world.clock.advance(TEND_S)


async def until_state(world: World, job: Job, state: JobState) -> Job:
    """Let time pass until a job stands in a state."""
    while (now := await world.jobs.get(job.id)).state is not state:
        await world.clock.until_asleep(TEND_S)
        world.clock.advance(TEND_S)
    return now
