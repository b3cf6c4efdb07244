"""What goes wrong at the HTTP door, before a protocol gives it a shape.

The two protocols answer in shapes of their own, so what refuses a request says only what kind of
refusal it is; each door turns a `Problem` into its own status and body. What Flipbook raises on
purpose becomes a problem here; whatever else it raises is nobody's business outside.
"""

from enum import StrEnum

from jobs.errors import (
    ClosedError,
    FlipbookError,
    MediaError,
    NotAllowedError,
    NotFoundError,
    QuotaExceededError,
    RefusedError,
    RequestError,
    StorageError,
    UnavailableError,
)

CLOSED_RETRY_S = 30.0  # a restart takes seconds
STORAGE_RETRY_S = 10.0


class ProblemKind(StrEnum):
    """How a request failed."""

    BAD_REQUEST = "bad_request"  # what is asked makes no sense; `field` names it
    UNAUTHORIZED = "unauthorized"  # no key, or not one of ours
    FORBIDDEN = "forbidden"  # a good key that may not do this
    NOT_FOUND = "not_found"  # unknown, or somebody else's
    RATE_LIMITED = "rate_limited"  # too often; `retry_after_s` says when to come back
    TOO_LARGE = "too_large"  # more bytes than are taken
    QUOTA = "quota"  # the books of the key have no room, or its queue is full
    UNAVAILABLE = "unavailable"  # not now: shutting down, or a backend cannot be reached
    BROKEN = "broken"  # our fault


class Problem(Exception):  # noqa: N818 - a refusal is part of the protocols, not always an error
    """A request that is not answered as its asker hoped.

    Args:
        kind: What sort of refusal it is.
        message: One sentence for the asker; it tells nothing of the inside.
        field: The field of `VideoRequest`, or of the wire, that is wrong; empty if it is none.
        retry_after_s: After how many seconds it may be tried again, if that is known.
    """

    def __init__(
        self,
        kind: ProblemKind,
        message: str,
        *,
        field: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.field = field
        self.retry_after_s = retry_after_s


_KINDS: tuple[tuple[type[FlipbookError], ProblemKind, float | None], ...] = (
    (RequestError, ProblemKind.BAD_REQUEST, None),
    (MediaError, ProblemKind.BAD_REQUEST, None),
    (NotFoundError, ProblemKind.NOT_FOUND, None),
    (NotAllowedError, ProblemKind.FORBIDDEN, None),
    (QuotaExceededError, ProblemKind.QUOTA, None),
    (ClosedError, ProblemKind.UNAVAILABLE, CLOSED_RETRY_S),
    (StorageError, ProblemKind.UNAVAILABLE, STORAGE_RETRY_S),
    (UnavailableError, ProblemKind.UNAVAILABLE, STORAGE_RETRY_S),
    (RefusedError, ProblemKind.UNAVAILABLE, None),
)


def problem_of(error: FlipbookError) -> Problem:
    """Return what a caller is told of an error: its `user_message`, and of what kind it is."""
    field = error.field if isinstance(error, RequestError) else ""
    found = (one for one in _KINDS if isinstance(error, one[0]))
    _, kind, retry_after_s = next(found, (FlipbookError, ProblemKind.BROKEN, None))
    return Problem(kind, error.user_message, field=field, retry_after_s=retry_after_s)
