"""What `/mod policy` and `/mod review` show: pure functions to Components V2."""

from collections.abc import Sequence

import discord
from discord.ui import ActionRow, Button, Container, LayoutView, TextDisplay

from cogs.cards import BAD, GOOD, MAX_PROMPT_CHARS, ODD, WORKING, page, still
from cogs.text import cut, plain, safe
from cogs.wording import prompt_of
from jobs.model import Job, JobId
from jobs.moderation.policies import Finding, Verdict
from jobs.moderation.policy import Action, PolicyRule
from jobs.states import JobState

ON_A_PAGE = 20  # rules; a line has up to 150 characters, a message 4,000
REVIEWED_AT_ONCE = 5  # held prompts on a page, each with three buttons of the 40 components
MAX_HELD_CHARS = 350
AROUND = 60  # characters before and after what a rule fired on
MAX_SHOWN_CHARS = 200

ACTIONS = {
    Action.FLAG: "flagged: it goes on, and the log channel is told",
    Action.HOLD: "held until a moderator has looked at it",
    Action.REFUSE: "refused",
}


def added_sentence(rules: Sequence[PolicyRule]) -> str:
    """Say what was added, and what it does."""
    first = rules[0]
    what = f"Rule {first.number}" if len(rules) == 1 else f"{len(rules):,} rules"
    texts = safe(", ".join(rule.text for rule in rules), MAX_SHOWN_CHARS)
    return f"{what} added: a prompt with {texts} is {ACTIONS[first.action]}."


def rules_page(rules: Sequence[PolicyRule], number: int, find: str = "") -> LayoutView:
    """Return one page of a server's rules, newest first.

    Args:
        rules: All of the server's, oldest first.
        number: Of the page, from 1.
        find: Only rules that hold this.
    """
    wanted = plain(find).casefold()
    found = [rule for rule in reversed(rules) if wanted in rule.text.casefold()]
    if not found:
        none = "No rule holds that." if rules else "There are none. The operator's hold anyway."
        return page(GOOD, ["### This server's rules", none])
    pages = -(-len(found) // ON_A_PAGE)
    number = min(number, pages)
    shown = found[(number - 1) * ON_A_PAGE : number * ON_A_PAGE]
    lines = ["### This server's rules", "\n".join(map(rule_line, shown))]
    if pages > 1:
        lines.append(f"-# page {number} of {pages} · {len(found):,} rules · `page` shows another")
    return page(WORKING, lines)


def rule_line(rule: PolicyRule) -> str:
    """Return a rule on one line."""
    reason = f" · {safe(rule.reason, 50)}" if rule.reason else ""
    return f"`{rule.number}` {rule.action} {rule.kind} {safe(rule.text, 70)}{reason}"


def test_page(verdict: Verdict | None) -> LayoutView:
    """Return which rules fire on a text, and where."""
    if verdict is None:
        return page(GOOD, ["### No rule fires", "This prompt would go into the queue."])
    lines = [f"**{ACTIONS[verdict.action].capitalize()}.**"]
    lines += [finding_line(one) for one in verdict.findings[:8]]
    more = len(verdict.findings) - 8
    lines += [f"-# and {more} more"] if more > 0 else []
    colour = BAD if verdict.action is Action.REFUSE else ODD
    return page(colour, ["### What fires", "\n".join(lines)])


def finding_line(finding: Finding) -> str:
    """Name a rule and mark what it fired on."""
    hit, prompt = finding.hit, finding.prompt
    rule = hit.rule
    name = f"Rule {rule.number}" if rule.number else "The operator's rule"
    what = f"{name}: {rule.action} the {rule.kind} “{safe(rule.text, 70)}”"
    if hit.is_overdue:
        return f"{what}: took too long, so its prompts are held"
    before, after = prompt[max(0, hit.start - AROUND) : hit.start], prompt[hit.end :][:AROUND]
    spaces = " " * before[-1:].isspace(), " " * after[:1].isspace()
    shown = f"{spaces[0]}**{safe(finding.shown, 80)}**{spaces[1]}"
    place = f"at character {hit.start + 1}"
    return f"{what}, {place}:\n> {_quoted(before)}{shown}{_quoted(after)}"


def _quoted(text: str) -> str:
    return safe(text, 2 * AROUND) if text.strip() else ""


def review_page(jobs: Sequence[Job]) -> LayoutView:
    """Return the prompts that wait for a moderator, oldest first, each with its buttons."""
    if not jobs:
        return page(GOOD, ["### Prompts to look at", "None waits."])
    box: Container[LayoutView] = Container(accent_colour=ODD)
    box.add_item(TextDisplay("### Prompts to look at"))
    for job in jobs[:REVIEWED_AT_ONCE]:
        box.add_item(TextDisplay(held_line(job)))
        row: ActionRow[LayoutView] = ActionRow(*review_buttons(job.id))
        box.add_item(row)
    more = len(jobs) - REVIEWED_AT_ONCE
    if more > 0:
        box.add_item(TextDisplay(f"-# and {more} more"))
    return still(LayoutView(timeout=None).add_item(box))


def held_line(job: Job) -> str:
    """Tell of one held prompt whose it is, what it says, why it waits and how long."""
    until = "" if job.held_until is None else f", until <t:{int(job.held_until.timestamp())}:R>"
    return (
        f"`{job.id}` · <@{job.requester.user_id}>{until}\n{safe(prompt_of(job), MAX_HELD_CHARS)}"
        f"\n-# {cut(job.held_for, MAX_HELD_CHARS)}"
    )


def reviewed_page(job: Job, said: str) -> LayoutView:
    """Return what became of a held prompt, in place of its buttons."""
    owner = f"-# Job `{job.id}` · asked by <@{job.requester.user_id}>"
    colour = BAD if job.state in (JobState.FAILED, JobState.CANCELLED) else GOOD
    return page(colour, [said, safe(prompt_of(job), MAX_PROMPT_CHARS), owner])


def review_buttons(name: str) -> list[Button[LayoutView]]:
    """Return the buttons of a held job."""
    return [
        Button(label=label, style=style, custom_id=review_id(what, JobId(name)))
        for what, label, style in (
            ("approve", "Approve", discord.ButtonStyle.success),
            ("refuse", "Refuse", discord.ButtonStyle.secondary),
            ("block", "Refuse and block", discord.ButtonStyle.danger),
        )
    ]


def review_id(what: str, job_id: JobId) -> str:
    """Return the custom id of a button that decides about a held job."""
    return f"review:{what}:{job_id}"
