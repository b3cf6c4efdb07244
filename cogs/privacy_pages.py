"""What `/privacy` says: pure functions to text and Components V2."""

from collections.abc import Iterable

import discord
from discord.ui import Button, LayoutView

from cogs.cards import BAD, GOOD, WORKING, page
from jobs.moderation.guilds import days_words
from jobs.privacy.records import Holdings, Whose
from jobs.privacy.rights import Deleted
from jobs.privacy.takeout import Package
from jobs.request import ProviderName

KIB, MIB = 1024, 1024**2

KEPT = """-# What stays, without your name: the sums in the books, and what moderators did. A \
block stays in force until it ends, and limits that moderators set for you alone stay set: a code \
stands for you there. What was posted in channels is Discord's: delete it there, or \
ask a moderator. Hosted providers have rules of their own for the prompts that they were sent."""


def holdings_page(
    whose: Whose, holdings: Holdings, days: int | None, hosted: Iterable[ProviderName]
) -> LayoutView:
    """Return what is stored about a person, in numbers and words.

    Args:
        whose: The person, and where.
        holdings: The numbers.
        days: How long ended videos are kept here; None is for good, or as each server says.
        hosted: The providers elsewhere that render for this bot.
    """
    title = f"### What Flipbook stores about you {where(whose)}"
    seen = seen_by(hosted)
    if holdings.is_empty:
        return page(GOOD, [title, "Nothing.", seen])
    lines = [f"- {line}" for line in _lines(holdings)]
    return page(WORKING, [title, "\n".join(lines), _age(whose, holdings, days), seen, ASKS])


ASKS = "-# `/privacy export` gives you all of it as a file, `/privacy delete` deletes it."


def _lines(holdings: Holdings) -> list[str]:
    counted = (
        (holdings.videos, "ended video", "with what you asked for and what became of it"),
        (holdings.open_videos, "video", "waiting or being made"),
        (holdings.files, "file", f"of videos, {size(holdings.file_bytes)}"),
        (holdings.images, "picture", "that you uploaded to start a video from"),
        (holdings.bookings, "line", "in the books of your quota"),
        (holdings.limits, "limit", "set for you alone"),
        (holdings.extras, "extra", "that you were given"),
        (holdings.blocks, "block", "that keeps you from asking for videos"),
        (holdings.cases, "report or appeal", "of yours, or about you"),
        (holdings.refused_prompts, "prompt", "that was refused, kept for a day"),
        (holdings.passes, "prompt", "that passes because your appeal was accepted"),
        (holdings.done_to, "act", "of moderators that names you"),
        (holdings.done_by, "act", "of your own as a moderator or manager"),
    )
    return [f"**{count(number, noun)}** {words}" for number, noun, words in counted if number]


def _age(whose: Whose, holdings: Holdings, days: int | None) -> str:
    oldest = holdings.oldest
    since = "" if oldest is None else f"The oldest is of <t:{int(oldest.timestamp())}:D>. "
    if whose.guild_id is None:
        return f"{since}Each server decides how long videos are kept (`/privacy show` there)."
    if days is None:
        return f"{since}Videos are kept until somebody deletes them."
    return f"{since}A video goes, with prompt and file, {days_words(days)} after it ended."


def seen_by(hosted: Iterable[ProviderName]) -> str:
    """Say who else sees what a member writes."""
    names = sorted(one.label for one in hosted)
    also = f", {' and '.join(names)} where they make your video" if names else ""
    return f"Who else sees it: Discord, the operator of this bot, this server's moderators{also}."


def where(whose: Whose) -> str:
    """Name the place that something is about."""
    return "in this server" if whose.guild_id is not None else "anywhere"


def ask_page(whose: Whose, holdings: Holdings, button: Button[LayoutView]) -> LayoutView:
    """Return the question before a deletion."""
    what = count(holdings.videos + holdings.open_videos, "video")
    ends = ""
    if holdings.open_videos:
        ends = " What waits or is being made is ended first."
    return page(
        BAD,
        [
            f"### Delete what Flipbook stores about you {where(whose)}?",
            f"**{what}** with prompts and files, and everything else. It does not come back.{ends}",
            KEPT,
        ],
        [button],
    )


def nothing_sentence(whose: Whose) -> str:
    """Say that there is nothing to delete."""
    return f"Flipbook stores nothing about you {where(whose)}."


def deleted_sentence(whose: Whose, deleted: Deleted) -> str:
    """Say what a deletion did, and what stays."""
    videos = count(deleted.videos, "video")
    if not deleted.is_done:
        return (
            f"Deleted so far: {videos}. What is still being made ends first; as soon as it has, "
            "everything else is deleted by itself. Until then you cannot ask for a video.\n" + KEPT
        )
    return (
        f"Deleted: {videos} with prompts and files, and everything else about you "
        f"{where(whose)}.\n{KEPT}"
    )


def package_sentence(package: Package) -> str:
    """Say what is in a file that somebody takes along."""
    said = f"{count(package.videos, 'video')}, {package.files} of them with the file itself."
    if not package.is_whole:
        said += " **There was no room for all:** the oldest videos are missing."
        return said + " Delete what you no longer need, or ask the operator of this bot."
    if package.lacks_files:
        said += " Videos for which there was no room are named by the link to their message."
    return said


def size(number: int) -> str:
    """Write a number of bytes for people."""
    if number < MIB:
        return f"{max(1, round(number / KIB)) if number else 0} KiB"
    return f"{number / MIB:,.1f} MiB"


def count(number: int, noun: str) -> str:
    """Write a number of things."""
    plural = " or ".join(f"{one}s" for one in noun.split(" or "))
    return f"{number:,} {noun if number == 1 else plural}"


def delete_button(custom_id: str) -> Button[LayoutView]:
    """Return the button that really deletes."""
    return Button(label="Delete it", style=discord.ButtonStyle.danger, custom_id=custom_id)
