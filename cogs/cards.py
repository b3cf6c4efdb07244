"""A job as its card in the channel: one pure function for each place where it can stand.

A card is Components V2 (Discord's flag 1 << 15), at most 40 components and 4000 characters;
the limits below add up to less than half of that, since Discord may count UTF-16 units.
Buttons carry ids only; `cogs.views` answers them, also after a restart.
"""

from collections.abc import Sequence

import discord
from discord.ui import ActionRow, Button, Container, LayoutView, TextDisplay

from cogs.changes import change_lines
from cogs.text import cut, safe
from cogs.wording import (
    bar,
    cost_line,
    duration,
    eta_words,
    message_link,
    prompt_of,
    settings_line,
)
from jobs.model import Job, JobId, Progress, Standing
from jobs.states import JobState

MAX_PROMPT_CHARS = 500
MAX_WARNINGS_CHARS = 500
MAX_REASON_CHARS = 400

WAITING, WORKING, GOOD, BAD, OVER, ODD = (
    discord.Colour(0x80848E),
    discord.Colour(0x5865F2),
    discord.Colour(0x248046),
    discord.Colour(0xDA373C),
    discord.Colour(0x4E5058),
    discord.Colour(0xE5A50A),
)

STAGES = {
    JobState.SUBMITTING: "Starting",
    JobState.RUNNING: "Rendering",
    JobState.FETCHING: "Rendered, taking the file over",
    JobState.READY: "Ready, about to be posted",
    JobState.DELIVERING: "Ready, being posted",
}
STOPS = {
    JobState.FAILED: ("No video this time", BAD),
    JobState.CANCELLED: ("Cancelled", OVER),
    JobState.UNDELIVERED: ("Made, but it cannot be posted here", ODD),
    JobState.UNCONFIRMED: ("Waiting for the provider's word", ODD),
}
REMOVED = "A moderator removed this video."
PLAIN_STAGE = Progress().stage  # says no more than the title does
CANCELLABLE = frozenset({JobState.QUEUED, JobState.SUBMITTING, JobState.RUNNING})


def cancel_id(job_id: JobId) -> str:
    """Return the custom id of a job's cancel button."""
    return f"vid:cancel:{job_id}"


def again_id(job_id: JobId) -> str:
    """Return the custom id of the button that asks the same with a new seed."""
    return f"vid:again:{job_id}"


def card(
    job: Job, *, progress: Progress | None = None, standing: Standing | None = None
) -> LayoutView:
    """Return the card that shows where a job stands now."""
    if job.removed_at is not None:
        return removed(job)
    match job.state:
        case JobState.QUEUED:
            return queued(job, standing)
        case JobState.DONE:
            return done(job)
        case JobState.FAILED | JobState.CANCELLED | JobState.UNDELIVERED | JobState.UNCONFIRMED:
            return stopped(job)
        case _:
            return running(job, progress, standing)


def queued(job: Job, standing: Standing | None = None) -> LayoutView:
    """Return the card of a waiting job: what was understood, what will be missing, how long."""
    lines = [
        "### Waiting for a moderator" if job.is_held else "### In the queue",
        safe(prompt_of(job), MAX_PROMPT_CHARS),
        *warning_lines(job),
        place_line(job, standing),
        f"-# {settings_line(job)}",
    ]
    return layout(WAITING, lines, [cancel_button(job)], job)


def place_line(job: Job, standing: Standing | None) -> str:
    """Say how many are ahead and how long it takes, as far as that is known."""
    if job.is_held and job.held_until is not None:
        at = int(job.held_until.timestamp())
        return (
            f"A moderator looks at this prompt first. If none does, it ends <t:{at}:R>, at no cost."
        )
    if job.due_at is not None and job.attempt:
        title = job.request.provider.heading
        why = "could not be reached" if job.setbacks else "takes nothing on just now"
        return f"{title} {why}; next try <t:{int(job.due_at.timestamp())}:R>."
    if standing is None:
        return "Waiting for its turn."
    videos = "1 video is" if standing.ahead == 1 else f"{standing.ahead} videos are"
    place = f"**{videos} ahead.**" if standing.ahead else "**Next in line.**"
    return place if standing.eta_s is None else f"{place} Ready in {eta_words(standing)}."


def warning_lines(job: Job, *, limit: int = MAX_WARNINGS_CHARS) -> list[str]:
    """List what the backend cannot honour; nothing is dropped in silence."""
    if not job.warnings:
        return []
    return [cut("\n".join(f"⚠️ {warning}" for warning in job.warnings), limit)]


def running(
    job: Job, progress: Progress | None = None, standing: Standing | None = None
) -> LayoutView:
    """Return the card of a job that is being worked on; only measured numbers are shown."""
    is_stopping = job.cancel_requested and job.state in CANCELLABLE  # later on it is ignored
    title = "Stopping" if is_stopping else STAGES[job.state]
    lines = [f"### {title}", safe(prompt_of(job), MAX_PROMPT_CHARS), *change_lines(job)]
    if progress is not None and job.state is JobState.RUNNING:
        lines += [line for line in [progress_line(progress)] if line]
    if standing is not None and standing.is_late and job.state is JobState.RUNNING:
        lines.append("It takes longer than usual.")
    buttons = [cancel_button(job)] if job.state in CANCELLABLE else []
    return layout(WORKING, [*lines, f"-# {settings_line(job)}"], buttons, job)


def progress_line(progress: Progress) -> str:
    """Draw the bar if the backend gives numbers, and name the stage if that tells something."""
    parts = [
        "" if progress.fraction is None else bar(progress.fraction),
        "" if progress.stage == PLAIN_STAGE else safe(progress.stage, 40),
        "" if progress.eta_s is None else f"{duration(progress.eta_s)} left",
    ]
    return " · ".join(part for part in parts if part)


def done(job: Job) -> LayoutView:
    """Return the card of a posted video: short, and a link to it."""
    lines = ["### Done", safe(prompt_of(job), 200)]
    links: list[Button[LayoutView]] = []
    if job.message_id:
        links.append(Button(label="To the video", url=message_link(job, job.message_id)))
    return layout(GOOD, lines, links, job)


def removed(job: Job) -> LayoutView:
    """Return the card of a video that a moderator removed; its prompt goes with it."""
    return layout(OVER, ["### Removed", REMOVED], [], job)


def stopped(job: Job) -> LayoutView:
    """Return the card of a job that posted no video: one sentence why, and what it cost."""
    title, colour = STOPS[job.state]
    lines = [f"### {title}", safe(prompt_of(job), 200)]
    if job.failure is not None:
        lines.append(cut(job.failure.message, MAX_REASON_CHARS))
    return layout(colour, [*lines, remark(job)], [], job)


def remark(job: Job) -> str:
    """Say what a stop means for the one who asked."""
    match job.state:
        case JobState.UNCONFIRMED:
            return (
                "It is not sent again by itself, so it cannot be paid twice; "
                "it goes on when the provider reports, or a moderator decides."
            )
        case JobState.UNDELIVERED:
            return f"The file is kept for a while. {cost_line(job)}"
        case _:
            return cost_line(job)


def cancel_button(job: Job) -> Button[LayoutView]:
    """Return the button that cancels a job."""
    return Button(
        label="Cancel",
        style=discord.ButtonStyle.secondary,
        custom_id=cancel_id(job.id),
        disabled=job.cancel_requested,
    )


def layout(
    colour: discord.Colour, lines: list[str], buttons: list[Button[LayoutView]], job: Job
) -> LayoutView:
    """Put a card together; its last line says whose it is."""
    owner = f"-# Job `{job.id}` · asked by <@{job.requester.user_id}>"
    return page(colour, [*lines, owner], buttons)


def page(
    colour: discord.Colour, lines: Sequence[str], buttons: Sequence[Button[LayoutView]] = ()
) -> LayoutView:
    """Put lines and buttons into one coloured box."""
    box: Container[LayoutView] = Container(accent_colour=colour)
    for line in lines:
        box.add_item(TextDisplay(line))
    if buttons:
        row: ActionRow[LayoutView] = ActionRow(*buttons)
        box.add_item(row)
    return still(LayoutView(timeout=None).add_item(box))


def still(view: LayoutView) -> LayoutView:
    """Keep discord.py from remembering a view for ever; its buttons are dynamic items anyway."""
    view.stop()
    return view
