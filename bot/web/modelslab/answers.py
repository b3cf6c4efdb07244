"""Says how a job is, in the shapes of this protocol."""

from collections.abc import Sequence

from bot.web.counter import Look
from bot.web.modelslab.ids import number_of
from bot.web.modelslab.meta import address_of, meta_of, version_of
from bot.web.modelslab.shapes import (
    Callback,
    Failed,
    FailedCallback,
    ModelRow,
    Processing,
    Success,
    Waiting,
)
from jobs.model import Job, Progress, Standing
from jobs.request import ModelInfo
from jobs.states import JobState

GUESSED_ETA_S = 20.0  # where nothing is known yet; the document's example says 21.88
NEARLY_S = 1.0
FETCH_PATHS = {"v4": "/api/v3/dreambooth/fetch", "v6": "/api/v6/video/fetch"}

# The sentences of the documents.
COME_BACK = "Try to fetch request after given estimated time"
NOT_YET = "try again later."
SPEED_TIP = "for faster speed, keep resolution upto 512x512"
NO_FILE = "The video was made, and its file is not there any more."
CANCELLED = "The video was cancelled."

_ON_OUR_DISK = frozenset({JobState.FETCHING, JobState.READY, JobState.DELIVERING})


def fetch_url(job: Job, base: str) -> str:
    """Return where to ask for a job."""
    return f"{base}{FETCH_PATHS[version_of(job)]}/{number_of(job.id)}"


def taken(job: Job, standing: Standing | None, *, base: str, future: str) -> Processing:
    """Answer a submit.

    Args:
        job: The one that was queued.
        standing: Its place, if it is known.
        base: What links begin with.
        future: Where the file will be.
    """
    return Processing(
        tip=SPEED_TIP,
        eta=eta_of(job, standing, None),
        message=COME_BACK,
        messege=COME_BACK,
        fetch_result=fetch_url(job, base),
        id=number_of(job.id),
        meta=meta_of(job),
        future_links=[future],
    )


def told(look: Look, *, base: str) -> Waiting | Success | Failed:
    """Answer a fetch."""
    job = look.job
    if look.url is not None:
        return _success(look, look.url)
    if job.state.is_final:
        why = why_not(job)
        return Failed(id=number_of(job.id), message=why, messege=why)
    return Waiting(
        message=NOT_YET,
        messege=NOT_YET,
        tip=SPEED_TIP,
        id=number_of(job.id),
        eta=eta_of(job, look.standing, look.progress),
        fetch_result=fetch_url(job, base),
    )


def _success(look: Look, url: str) -> Success:
    return Success(
        generationTime=rendered_s(look.job),
        id=number_of(look.job.id),
        output=[url],
        proxy_links=[url],
        future_links=[url],
        meta=meta_of(look.job),
    )


def eta_of(job: Job, standing: Standing | None, progress: Progress | None) -> float:
    """Return the seconds until a job is done, as well as they are known."""
    if job.state in _ON_OUR_DISK:
        return NEARLY_S
    known = [progress.eta_s if progress else None, standing.eta_s if standing else None]
    eta_s = next((one for one in known if one is not None), None)
    if eta_s is None and job.estimate_s is not None:
        done = (progress.fraction if progress else None) or 0.0
        eta_s = job.estimate_s * (1 - done)
    return round(max(NEARLY_S, GUESSED_ETA_S if eta_s is None else eta_s), 2)


def rendered_s(job: Job) -> float:
    """Return how many seconds the render of a finished job took."""
    return 0.0 if job.receipt is None else job.receipt.timings_s.get("rendered", 0.0)


def why_not(job: Job) -> str:
    """Return one sentence on why an ended job has no file to give."""
    if job.failure is not None:
        return job.failure.message
    return CANCELLED if job.state is JobState.CANCELLED else NO_FILE


def callback_body(look: Look) -> dict[str, object]:
    """Return what a webhook is told of a job that has ended."""
    job = look.job
    number, track_id = str(number_of(job.id)), address_of(job).track_id
    if look.url is None:
        failed = FailedCallback(id=number, message=why_not(job), track_id=track_id)
        return failed.model_dump()
    told = Callback(
        id=number,
        output=[look.url],
        proxy_links=[look.url],
        generationTime=rendered_s(job),
        track_id=track_id,
        meta=meta_of(job),
    )
    return told.model_dump()


def rows_of(models: Sequence[ModelInfo]) -> list[ModelRow]:
    """Answer the list of models."""
    return [
        ModelRow(
            model_id=model.id,
            instance_prompt=", ".join(model.trigger_words) or None,
            model_name=model.title,
            description=model.note,
        )
        for model in models
    ]
