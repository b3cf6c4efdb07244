"""What moderators see of reports and appeals: pure functions to Components V2.

The buttons hold a case's number, so they work for ever; who presses one is asked for the
permission again, and the number counts in the server that it is pressed in.
"""

from collections.abc import Sequence

import discord
from discord.ui import Button, LayoutView

from cogs.cards import GOOD, ODD, OVER, page
from cogs.text import safe
from jobs.cases import Case, CaseKind, CaseState, case_lines
from jobs.model import Job, JobId

MAX_LINES = 15
COLOURS = {CaseState.OPEN: ODD, CaseState.ACCEPTED: GOOD, CaseState.DENIED: OVER}
DECISIONS = {CaseState.ACCEPTED: "accept", CaseState.DENIED: "deny"}


def report_id(job_id: JobId) -> str:
    """Return the custom id of the button that reports a video."""
    return f"case:report:{job_id}"


def report_button(job_id: JobId) -> Button[LayoutView]:
    """Return the button that reports a video."""
    return Button(label="Report", style=discord.ButtonStyle.secondary, custom_id=report_id(job_id))


def decision_buttons(number: int, kind: CaseKind | None = None) -> Sequence[Button[LayoutView]]:
    """Return the two buttons that decide a case; they say what accepting does, if it is known."""
    accept = "Accept, remove the video" if kind is CaseKind.REPORT else "Accept"
    return [
        Button(label=accept, style=discord.ButtonStyle.danger, custom_id=f"case:accept:{number}"),
        Button(label="Deny", style=discord.ButtonStyle.secondary, custom_id=f"case:deny:{number}"),
    ]


def news_buttons(name: str) -> Sequence[Button[LayoutView]]:
    """Return the buttons of a case's card in the log channel; `name` is its number."""
    return decision_buttons(int(name))


def case_page(case: Case) -> LayoutView:
    """Return a case, with its buttons while it is open."""
    is_open = case.state is CaseState.OPEN
    buttons = decision_buttons(case.number, case.draft.kind) if is_open else ()
    return page(COLOURS[case.state], ["\n".join(case_lines(case))], buttons)


def cases_page(cases: Sequence[Case]) -> LayoutView:
    """Return a server's cases that wait, oldest first."""
    if not cases:
        return page(GOOD, ["### Reports and appeals", "None waits for a moderator."])
    lines = [case_line(case) for case in cases[:MAX_LINES]]
    if len(cases) > MAX_LINES:
        lines.append(f"-# and {len(cases) - MAX_LINES} more, when these are decided")
    hint = "-# `/mod cases show` shows one of them, with the buttons that decide it."
    return page(ODD, ["### Reports and appeals", "\n".join(lines), hint])


def case_line(case: Case) -> str:
    """Return one case on one line."""
    draft = case.draft
    when = f"<t:{int(draft.opened_at.timestamp())}:R>"
    what = f"a video of <@{draft.member_id}>" if draft.kind is CaseKind.REPORT else "an appeal"
    return f"**#{case.number}** {what}, by <@{draft.user_id}> {when}: {safe(draft.reason, 80)}"


def opened_sentence(case: Case) -> str:
    """Thank whoever brought a case, and say when they hear of it."""
    return (
        f"Thank you. The moderators have it as case #{case.number}; you read here what became of "
        "it when you next use Flipbook after they decided."
    )


def removed_sentence(job: Job) -> str:
    """Say that a video goes."""
    return (
        f"The video of job {job.id} is being removed: its message, its file and every link to it."
    )
