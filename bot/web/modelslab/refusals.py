"""Says what is wrong with a request, in the words that clients of this protocol know.

The sentences are those of the documents and of bodies that clients have recorded; some clients
compare them, and this program is one of those (providers/modelslab/refusals.py).
"""

from collections.abc import Callable, Mapping, Sequence

from bot.web.modelslab.shapes import Failed, Refused
from bot.web.problems import Problem, ProblemKind

NOT_FOUND = "Request not found"
INVALID_KEY = "Invalid Api Key"
INVALID_REQUEST = "Invalid API Request"
NO_MODEL = "Model id not found"
RATE_LIMIT = "Rate limit exceeded"
BUSY = "The server is busy"
REQUEST_TIP = (
    "1. Make sure you are passing Content-Type: application/json in header. "
    "2. Make sure you are doing POST request with valid JSON. "
    "3. Make sure your JSON does not have error, use jsonlint to validate json array"
)
KEY_TIP = f"{REQUEST_TIP}. 4. Make sure you have valid API key."

_WIRE_NAMES = {
    "segments": "prompt",
    "model": "model_id",
    "steps": "num_inference_steps",
    "frames": "num_frames",
    "format": "output_type",
    "image": "init_image",
}


def refusal_of(problem: Problem) -> Refused | Failed:
    """Say what is wrong."""
    return _REFUSALS[problem.kind](problem)


def refused(said: str, *, tip: str = "", retry_after: float | None = None) -> Refused:
    """Refuse a request with one sentence, and perhaps a tip."""
    return Refused(message=said, messege=said, tip=tip, retry_after=retry_after)


def wrong_fields(errors: Mapping[str, Sequence[str]]) -> Refused:
    """Refuse a request whose fields are wrong."""
    said = {name: list(sentences) for name, sentences in errors.items()}
    return Refused(message=said, messege=said)


def _not_found(problem: Problem) -> Failed:
    return Failed(message=NOT_FOUND, messege=NOT_FOUND, tip=problem.message)


def _bad_request(problem: Problem) -> Refused:
    field = _WIRE_NAMES.get(problem.field, problem.field)
    if field == "model_id":
        return refused(NO_MODEL, tip=problem.message)
    if field:
        return wrong_fields({field: [problem.message]})
    return refused(INVALID_REQUEST, tip=f"{problem.message} {REQUEST_TIP}")


def _later(problem: Problem) -> Refused:
    return refused(RATE_LIMIT, tip=problem.message, retry_after=problem.retry_after_s)


_REFUSALS: Mapping[ProblemKind, Callable[[Problem], Refused | Failed]] = {
    ProblemKind.BAD_REQUEST: _bad_request,
    ProblemKind.UNAUTHORIZED: lambda _: refused(INVALID_KEY, tip=KEY_TIP),
    ProblemKind.FORBIDDEN: lambda problem: refused(problem.message),
    ProblemKind.NOT_FOUND: _not_found,
    ProblemKind.RATE_LIMITED: _later,
    ProblemKind.TOO_LARGE: lambda problem: refused(INVALID_REQUEST, tip=problem.message),
    ProblemKind.QUOTA: lambda problem: refused(
        f"{RATE_LIMIT}. {problem.message}", retry_after=problem.retry_after_s
    ),
    ProblemKind.UNAVAILABLE: lambda problem: refused(
        f"{BUSY}. {problem.message}", retry_after=problem.retry_after_s
    ),
    ProblemKind.BROKEN: lambda problem: refused(problem.message),
}
