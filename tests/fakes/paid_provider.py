"""A hosted service that can be asked about lost submits, and what happens while it is asked."""

from typing import TYPE_CHECKING

from typing_extensions import override

from jobs.errors import UnconfirmedError
from jobs.model import Job, JobId, Letter, Submission
from jobs.request import ProviderName
from tests.fakes.media import VIDEO
from tests.fakes.provider import FakeProvider

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class PaidProvider(FakeProvider):
    """A hosted service that can be asked about lost submits.

    Attributes:
        broken: Job ids about which it never has an answer.
        meanwhile: What happens once while it is being asked about a job.
    """

    def __init__(self) -> None:
        super().__init__(video=VIDEO, name=ProviderName.NOVITA, is_paid=True, slots=5)
        self.broken: set[str] = set()
        self.meanwhile: Callable[[JobId], Awaitable[object]] | None = None

    def prove(self, job: Job) -> None:
        """Have taken a job whose answer was lost."""
        self.healed[job.id] = Submission(
            provider_job_id=f"task-{job.id}", endpoint="fake", sent={}, effective={"steps": 9}
        )

    @override
    async def heal(self, job: Job, letter: Letter) -> Submission | None:
        if self.meanwhile is not None:
            happens, self.meanwhile = self.meanwhile, None
            await happens(job.id)
        if job.id in self.broken:
            raise UnconfirmedError("It says something that nobody can read.")
        return await super().heal(job, letter)
