"""Every error that Flipbook raises on purpose, in one tree.

FlipbookError
├── RequestError            the asker's input is wrong; names the field
├── NotFoundError           no such job, or not one that the asker may see
├── NotAllowedError         a permission is missing, on either side
│   └── PolicyError         a rule of the operator or of the server refuses the prompt
├── QuotaExceededError      the books say no
├── ClosedError             the bot is shutting down and takes no new jobs
├── SettingsError           the operator's configuration is wrong
├── StorageError            the database or the video folder failed
│   ├── StorageFullError    the disk, or the limit set for the database, is full
│   ├── StorageLockedError  another Flipbook holds the data folder
│   ├── NewerDatabaseError  the file was written by a newer Flipbook
│   └── StaleAttemptError   the job moved on under another attempt; this one must stop
├── ProviderError           a backend failed; `detail` is for the log only
│   ├── UnavailableError    nothing was sent: a retry is safe
│   │   └── BusyError       it said "not now": a retry is safe and costs no setback
│   ├── RefusedError        the backend said no: final
│   ├── UnconfirmedError    a paid submit whose answer was lost: never repeated
│   ├── InterruptedRenderError  an unpaid render was lost with its worker: may be repeated
│   ├── RenderFailedError   the backend accepted the job and failed it: final
│   │   └── FlaggedError    a safety checker let the video not out: final
│   └── RenderCancelledError  the render ended because it was asked to
├── MediaError              a file is not the video or image it should be
└── PlotError               a picture of what was spent cannot be drawn

`user_message` is the only text of an error that is ever shown in a channel. It is one
sentence that says what is wrong and, where there is one, the remedy.
"""

from typing_extensions import override

NO_SUCH_JOB = "There is no such job here."  # nor does this tell that it is another server's


class FlipbookError(Exception):
    """The root; `user_message` defaults to the message itself."""

    @property
    def user_message(self) -> str:
        """One sentence, safe to show in a channel."""
        return str(self)


class RequestError(FlipbookError):
    """The asker's input is wrong.

    Args:
        message: One sentence for the asker.
        field: The name of the request's field, as in options, JSON and docs.
    """

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.field = field


class NotFoundError(FlipbookError):
    """No such job, or not one that the asker may see."""


class NotAllowedError(FlipbookError):
    """A permission is missing, on the asker's side or on ours."""


class PolicyError(NotAllowedError):
    """A rule of the operator or of the server's moderators refuses the prompt.

    Args:
        message: One sentence for the asker.
        rules: The names of the server's rules that refuse it; none if an appeal could not help,
            because the operator's policy does.
        refusal: By which number the asker can appeal; None if they cannot.
    """

    def __init__(
        self, message: str, *, rules: tuple[str, ...] = (), refusal: int | None = None
    ) -> None:
        super().__init__(message)
        self.rules = rules
        self.refusal = refusal


class QuotaExceededError(FlipbookError):
    """The books have no room for this job."""


class ClosedError(FlipbookError):
    """The bot is shutting down and takes no new jobs."""


class SettingsError(FlipbookError):
    """The operator's configuration is wrong; the message names the setting."""


class StorageError(FlipbookError):
    """The database or the video folder failed; the details are for the log only."""

    @property
    @override
    def user_message(self) -> str:
        """One sentence, safe to show in a channel."""
        return "Flipbook cannot reach its own records right now; nothing was queued or charged."


class StorageFullError(StorageError):
    """The disk, or the size limit set for the database, is full."""

    @property
    @override
    def user_message(self) -> str:
        """One sentence, safe to show in a channel."""
        return "Flipbook's disk is full, so nothing was queued or charged; its operator has to act."


class StorageLockedError(StorageError):
    """Another Flipbook holds the data folder."""


class NewerDatabaseError(StorageError):
    """The database was written by a newer Flipbook, which only that version may open."""


class StaleAttemptError(StorageError):
    """The job moved on under another attempt; whoever holds this one must stop."""


class ProviderError(FlipbookError):
    """A backend failed.

    Args:
        message: One sentence for the asker.
        detail: What the backend really said; for the operator's log, never shown in a channel.
    """

    def __init__(self, message: str, *, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail


class UnavailableError(ProviderError):
    """The backend took nothing on, so a retry is safe.

    Args:
        message: One sentence for the asker.
        retry_after_s: When the backend asked to come back, in seconds, if it said so.
        detail: What the backend really said; for the log only.
    """

    def __init__(
        self, message: str, *, retry_after_s: float | None = None, detail: str = ""
    ) -> None:
        super().__init__(message, detail=detail)
        self.retry_after_s = retry_after_s


class BusyError(UnavailableError):
    """The backend answered that it takes nothing on just now; waiting is no setback."""


class RefusedError(ProviderError):
    """The backend said no, finally, and nothing was billed.

    Args:
        message: One sentence for the asker.
        refuses_everyone: It is not about this request: a bad key, an empty balance.
        detail: What the backend really said; for the log only.
    """

    def __init__(self, message: str, *, refuses_everyone: bool = False, detail: str = "") -> None:
        super().__init__(message, detail=detail)
        self.refuses_everyone = refuses_everyone


class UnconfirmedError(ProviderError):
    """A paid submit was sent and its answer was lost; it is never repeated by the machine."""


class InterruptedRenderError(ProviderError):
    """An unpaid render was lost with its worker; it may be repeated."""


class RenderFailedError(ProviderError):
    """The backend accepted the job and then failed it."""


class FlaggedError(RenderFailedError):
    """A safety checker, the backend's or the model's, flagged what was rendered."""


class RenderCancelledError(ProviderError):
    """The render ended because it was asked to."""


class MediaError(FlipbookError):
    """A file is not the video or image that it should be."""


class PlotError(FlipbookError):
    """A picture of what was spent cannot be drawn; the numbers are there without it."""
