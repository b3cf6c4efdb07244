"""What `/queue`, `/job info` and `/help` show: pure functions to Components V2."""

from collections.abc import Mapping, Sequence

from discord.ui import Button, LayoutView

from cogs.cards import GOOD, WORKING, page
from cogs.changes import change_lines
from cogs.model_pages import model_text
from cogs.text import cut, safe
from cogs.wording import cost_line, eta_words, message_link, prompt_of, settings_line
from jobs.model import Job, JobId, Standing
from jobs.request import ModelInfo
from jobs.states import JobState

MAX_JOBS = 15

FIRST_STEPS = """### Flipbook turns words into short videos
Try: `/video prompt: a red circle moving to the right`
Everything else is optional: `seed` repeats a video, `aspect` shapes it, `frames` and `fps` set \
its length, and `a seed | a sprout | a tree` travels from prompt to prompt.
`/queue` shows who waits, `/job info` what became of a video, `/job cancel` stops one, and \
`/models` what can render."""


def queue_page(
    jobs: Sequence[Job], standings: Mapping[JobId, Standing], user_id: int
) -> LayoutView:
    """Return a server's open jobs; the member's own ones are marked."""
    if not jobs:
        return page(WORKING, ["### Queue", "Nothing is waiting. `/video` starts at once."])
    shown = by_place(jobs[:MAX_JOBS], standings)
    lines = [queue_line(job, standings.get(job.id), user_id) for job in shown]
    if len(jobs) > MAX_JOBS:
        lines.append(f"-# and {len(jobs) - MAX_JOBS} more")
    return page(WORKING, ["### Queue", "\n".join(lines)])


def by_place(jobs: Sequence[Job], standings: Mapping[JobId, Standing]) -> Sequence[Job]:
    """Return jobs in the order of their turns, those that are being made first."""

    def place(job: Job) -> int:
        standing = standings.get(job.id)
        if standing is None or job.state is not JobState.QUEUED:
            return 0
        return 1 + standing.ahead

    return sorted(jobs, key=place)


def queue_line(job: Job, standing: Standing | None, user_id: int) -> str:
    """Return one job of the queue on one line."""
    own = "**➤** " if job.requester.user_id == user_id else ""
    place = state_words(job, standing)
    return f"{own}`{job.id}` {place} · <@{job.requester.user_id}> · {safe(prompt_of(job), 60)}"


def state_words(job: Job, standing: Standing | None) -> str:
    """Say where a job stands, with its place and the time it needs, if they are known."""
    if job.is_held:
        return "waits for a moderator"
    if standing is not None and standing.is_late:
        return f"{job.state}, longer than usual"
    if job.state is not JobState.QUEUED or standing is None:
        return job.state.value
    place = f"{standing.ahead} ahead" if standing.ahead else "next"
    return place if standing.eta_s is None else f"{place}, {eta_words(standing)}"


def job_page(job: Job, standing: Standing | None) -> LayoutView:
    """Return all that is known about one job."""
    if job.removed_at is not None:
        return removed_page(job)
    lines = [f"### Job `{job.id}`", safe(prompt_of(job), 800), f"**{state_words(job, standing)}**"]
    if job.failure is not None:
        lines.append(cut(job.failure.message, 400))
    if job.state.is_final:
        lines.append(cost_line(job))
    lines += [settings_line(job), *change_lines(job), *time_lines(job)]
    lines.append(f"-# asked by <@{job.requester.user_id}>")
    links: list[Button[LayoutView]] = []
    target = job.message_id or job.address.card_id
    if target:
        links.append(Button(label="To the message", url=message_link(job, target)))
    return page(WORKING, lines, links)


def removed_page(job: Job) -> LayoutView:
    """Return what is told of a video that a moderator removed: not what it showed."""
    when = "" if job.removed_at is None else f" <t:{int(job.removed_at.timestamp())}:R>"
    lines = [
        f"### Job `{job.id}`",
        f"**removed by a moderator**{when}",
        cost_line(job),
        f"-# asked by <@{job.requester.user_id}> <t:{int(job.created_at.timestamp())}:R>",
    ]
    return page(WORKING, lines)


def time_lines(job: Job) -> list[str]:
    """Say when things happened and what the receipt adds to the settings."""
    lines = [f"-# asked <t:{int(job.created_at.timestamp())}:R>"]
    if job.receipt is not None:
        timings = ", ".join(f"{name} {value:g} s" for name, value in job.receipt.timings_s.items())
        versions = ", ".join(f"{name} {value}" for name, value in job.receipt.versions.items())
        told = [f"by {job.receipt.provider}", timings, safe(versions, 300) if versions else ""]
        lines.append("-# " + " · ".join(part for part in told if part))
        if job.receipt.model_hash:
            lines.append(f"-# model sha256 `{job.receipt.model_hash[:16]}`")
    return lines


def help_page(model: ModelInfo | None, lacking: Sequence[str], *, is_manager: bool) -> LayoutView:
    """Return the first steps, and for those who manage the server what the bot lacks here."""
    lines = [FIRST_STEPS]
    if model is not None:
        lines.append(f"The model here:\n{model_text(model)}")
    if is_manager:
        lines.append(permission_text(lacking))
    return page(GOOD, lines)


def permission_text(lacking: Sequence[str]) -> str:
    """Say whether a video can be posted in this channel, and if not, how to let it."""
    if not lacking:
        return "-# For you as a manager: I have all permissions that I need in this channel."
    names = ", ".join(f"**{name}**" for name in lacking)
    return (
        f"For you as a manager: in this channel I lack {names}. Grant it under "
        "Edit Channel → Permissions → my role, then run `/help` again."
    )
