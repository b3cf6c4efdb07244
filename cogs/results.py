"""The posted result: the video, who it is for, and everything needed to make it again."""

import discord
from discord.ui import ActionRow, Button, Container, LayoutView, MediaGallery, TextDisplay

from cogs.cards import GOOD, again_id, still, warning_lines
from cogs.cases.pages import report_button
from cogs.changes import change_lines
from cogs.text import alt_text, cut, safe
from cogs.wording import MAX_NOTE_CHARS, measured, prompt_of, settings_line, used_prompt
from jobs.model import Job

MAX_PROMPT_CHARS = 700
MAX_USED_CHARS = 400
MAX_WARNINGS_CHARS = 250


def result(job: Job, *, note: str = "") -> LayoutView:
    """Return the result message; the file is attached under the job's file name.

    Args:
        job: The finished job.
        note: What its model has to say about itself, if anything.
    """
    box: Container[LayoutView] = Container(accent_colour=GOOD)
    box.add_item(TextDisplay(safe(prompt_of(job), MAX_PROMPT_CHARS)))
    box.add_item(gallery(job))
    for line in detail_lines(job, note):
        box.add_item(TextDisplay(line))
    row: ActionRow[LayoutView] = ActionRow(again_button(job), report_button(job.id))
    box.add_item(row)
    view = LayoutView(timeout=None)
    view.add_item(TextDisplay(f"<@{job.requester.user_id}>, your video is ready."))
    return still(view.add_item(box))


def gallery(job: Job) -> MediaGallery[LayoutView]:
    """Return the player; an attachment that no component names stays invisible."""
    media: MediaGallery[LayoutView] = MediaGallery()
    return media.add_item(
        media=f"attachment://{job.file_name}", description=alt_text(prompt_of(job))
    )


def detail_lines(job: Job, note: str) -> list[str]:
    """List the small print: what was not honoured, what was really used, the model's note."""
    used = used_prompt(job)
    rendered = job.receipt.timings_s.get("rendered") if job.receipt else None
    took = "" if rendered is None else f" · took {measured(rendered)}"
    lines = [*warning_lines(job, limit=MAX_WARNINGS_CHARS), *change_lines(job)]
    lines += [f"-# Prompt used: {safe(used, MAX_USED_CHARS)}"] if used else []
    lines.append(f"-# {settings_line(job)}{took} · job `{job.id}`")
    if job.parent_id is not None:
        lines.append(f"-# Again after job `{job.parent_id}`")
    return [*lines, f"-# {cut(note, MAX_NOTE_CHARS)}"] if note else lines


def again_button(job: Job) -> Button[LayoutView]:
    """Return the button that asks for the same with a new seed."""
    return Button(
        label="Again, new seed", style=discord.ButtonStyle.primary, custom_id=again_id(job.id)
    )
