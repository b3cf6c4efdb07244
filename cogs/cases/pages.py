"""What moderators see of reports and appeals: pure functions to Components V2.

The buttons hold a case's number, so they work for ever; who presses one is asked for the
permission again, and the number counts in the server that it is pressed in.
"""

from collections.abc import Sequence

import discord
from discord.ui import Button, LayoutView, View

from cogs.cards import GOOD, ODD, OVER, WORKING, page
from cogs.text import safe
from jobs.model import Job, JobId
from jobs.moderation.cases import BROUGHT, Case, CaseState, Matter, case_lines, outcome_sentence

MAX_LINES = 15
MAX_OWN_CHARS = 100  # of a prompt, in the list of what one brought oneself
COLOURS = {CaseState.OPEN: ODD, CaseState.ACCEPTED: GOOD, CaseState.DENIED: OVER}
DECISIONS = {CaseState.ACCEPTED: "accept", CaseState.DENIED: "deny"}


def report_id(job_id: JobId) -> str:
    """Return the custom id of the button that reports a video."""
    return f"case:report:{job_id}"


def report_button(job_id: JobId) -> Button[LayoutView]:
    """Return the button that reports a video."""
    return Button(label="Report", style=discord.ButtonStyle.secondary, custom_id=report_id(job_id))


def appeal_view(refusal: int) -> View:
    """Return the button below a refusal that appeals it."""
    style, custom_id = discord.ButtonStyle.secondary, f"case:appeal:{refusal}"
    view = View(timeout=None)
    view.add_item(Button(label="Appeal", style=style, custom_id=custom_id))
    view.stop()  # nothing waits for it: the button is made anew when it is pressed
    return view


def decision_buttons(number: int, matter: Matter | None = None) -> Sequence[Button[LayoutView]]:
    """Return the two buttons that decide a case; they say what accepting does, if it is known."""
    accept = "Accept, remove the video" if matter is Matter.VIDEO else "Accept"
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
    buttons = decision_buttons(case.number, case.draft.matter) if is_open else ()
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
    return (
        f"**#{case.number}** {_what(case)}, by <@{draft.user_id}> {when}: {safe(draft.reason, 80)}"
    )


def _what(case: Case) -> str:
    match case.draft.matter:
        case Matter.VIDEO:
            return f"a video of <@{case.draft.member_id}>"
        case Matter.BLOCK:
            return "a block"
        case Matter.PROMPT:
            return "a refused prompt"


def brought_page(case: Case) -> LayoutView:
    """Thank whoever brought a case, and say when they hear of it, or what became of it."""
    if case.state is not CaseState.OPEN:
        return page(COLOURS[case.state], [outcome_sentence(case)])
    told = f"Thank you. The moderators have it as case #{case.number}. {HEARS[case.wants_dm]}"
    return page(WORKING, [told], [dm_button(case)])


HEARS = {
    False: (
        "You read what became of it when you next use Flipbook after they decided; `/cases` shows "
        "it, too."
    ),
    True: (
        "You get a direct message when they have decided, if yours are open to me; `/cases` shows "
        "it, too."
    ),
}


def dm_button(case: Case) -> Button[LayoutView]:
    """Return the button with which whoever brought a case wishes for a direct message, or not."""
    label = "No direct message" if case.wants_dm else "Tell me by direct message"
    word = "off" if case.wants_dm else "on"
    custom_id = f"case:dm:{word}:{case.number}"
    return Button(label=label, style=discord.ButtonStyle.secondary, custom_id=custom_id)


def own_cases_page(cases: Sequence[Case]) -> LayoutView:
    """Return what a member brought, newest first, and what became of it."""
    title = "### Your reports and appeals"
    if not cases:
        return page(GOOD, [title, "You have brought none here."])
    return page(WORKING, [title, "\n".join(own_case_line(case) for case in cases)])


def own_case_line(case: Case) -> str:
    """Tell whoever brought a case how it stands; of a prompt they also see which one."""
    matter, about = case.draft.matter, case.draft.about
    which = f"\n  {safe(about, MAX_OWN_CHARS)}" if matter is Matter.PROMPT and about else ""
    if case.state is not CaseState.OPEN:
        return f"- {outcome_sentence(case)}{which}"
    when = f"<t:{int(case.draft.opened_at.timestamp())}:R>"
    return f"- {BROUGHT[matter]} (case #{case.number}), {when}: waits for a moderator.{which}"


def removed_sentence(job: Job) -> str:
    """Say that a video goes."""
    return (
        f"The video of job {job.id} is being removed: its message, its file and every link to it."
    )
