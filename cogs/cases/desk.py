"""Takes reports, appeals and decisions, from commands, buttons and forms alike.

A form's answer is read as it arrives, not by an object that waits for it: so a form that was
opened before the bot was last started is taken, too.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

import discord
from discord.ui import Label, LayoutView, Modal, TextInput

from cogs.access import Access
from cogs.acknowledgement import fill, open_private, twice
from cogs.cases.pages import brought_page, case_page, own_cases_page
from cogs.desk import TOKEN_LIFE, requester_of
from cogs.lasting_buttons import JOB
from jobs.errors import NotAllowedError
from jobs.model import JobId
from jobs.moderation.appeals import Appeals
from jobs.moderation.cases import MAX_REASON_CHARS, Case, CaseState, ReplyToken, outcome_sentence
from jobs.moderation.casework import Casework
from jobs.moderation.outcomes import Outcomes

REASON = "reason"
REPORT_FORM = re.compile(rf"case:report-form:{JOB}")
BLOCK_FORM = re.compile(r"case:appeal-form")
PROMPT_FORM = re.compile(r"case:appeal-form:(?P<refusal>\d{1,18})")
# A result shows its job in the buttons, also one that was posted before there were reports.
NAMES_JOB = re.compile(rf"(?:case:report|vid:again):{JOB}")
NO_VIDEO = "This message shows no video of Flipbook."


class CaseDesk:
    """Where members and moderators leave what a case needs."""

    def __init__(
        self, *, casework: Casework, appeals: Appeals, outcomes: Outcomes, access: Access
    ) -> None:
        self.casework = casework
        self._appeals = appeals
        self._outcomes = outcomes
        self._access = access

    # Members

    async def ask_report(self, interaction: discord.Interaction[Any], job_id: JobId) -> None:
        """Open the form of a report.

        Raises:
            FlipbookError: There is no such video here.
        """
        await self.casework.reportable(job_id, guild_id=interaction.guild_id or 0)
        await _open(interaction, _form(f"case:report-form:{job_id}", "Report this video"))

    async def ask_report_of(
        self, interaction: discord.Interaction[Any], message: discord.Message
    ) -> None:
        """Open the form of a report about a message.

        Raises:
            NotAllowedError: It shows no video of ours.
        """
        await self.ask_report(interaction, job_id_in(interaction.client, message))

    async def ask_appeal(self, interaction: discord.Interaction[Any]) -> None:
        """Open the form of an appeal.

        Raises:
            NotAllowedError: There is nothing to appeal.
        """
        await self.casework.check_blocked(requester_of(interaction))
        await _open(interaction, _form("case:appeal-form", "Appeal your block"))

    async def ask_prompt_appeal(self, interaction: discord.Interaction[Any], refusal: int) -> None:
        """Open the form of an appeal against a refused prompt.

        Raises:
            NotFoundError: It is somebody else's refusal, or too old.
        """
        await self._appeals.refusal(refusal, by=requester_of(interaction))
        form = _form(f"case:appeal-form:{refusal}", "Appeal this refusal")
        await _open(interaction, form)

    async def take(self, interaction: discord.Interaction[Any]) -> None:
        """Take a form that was sent, if it is one of a case."""
        custom_id = custom_id_of(interaction)
        for template, bring in (
            (REPORT_FORM, self._report),
            (BLOCK_FORM, self._appeal_block),
            (PROMPT_FORM, self._appeal_prompt),
        ):
            form = template.fullmatch(custom_id)
            if form is not None and await open_private(interaction):
                await fill(interaction, brought_page(await bring(interaction, form)))

    async def _report(self, interaction: discord.Interaction[Any], form: re.Match[str]) -> Case:
        return await self.casework.report(
            JobId(form["job"]),
            by=requester_of(interaction),
            reason=written(interaction, REASON),
            reply=reply_of(interaction),
        )

    async def _appeal_block(self, interaction: discord.Interaction[Any], _: re.Match[str]) -> Case:
        return await self.casework.appeal_block(
            by=requester_of(interaction),
            reason=written(interaction, REASON),
            reply=reply_of(interaction),
        )

    async def _appeal_prompt(
        self, interaction: discord.Interaction[Any], form: re.Match[str]
    ) -> Case:
        return await self._appeals.appeal(
            int(form["refusal"]),
            by=requester_of(interaction),
            reason=written(interaction, REASON),
            reply=reply_of(interaction),
        )

    async def wish_dm(
        self, interaction: discord.Interaction[Any], number: int, *, wants_dm: bool
    ) -> None:
        """Note whether whoever brought a case wants a direct message about it.

        Raises:
            NotFoundError: They have brought no such case here.
        """
        await twice(interaction, interaction.response.defer)
        by = requester_of(interaction)
        case = await self._outcomes.wish_dm(number, by=by, wants_dm=wants_dm)
        await fill(interaction, brought_page(case))

    async def show_own(self, interaction: discord.Interaction[Any]) -> None:
        """Show a member what they brought, and what became of it."""
        if await open_private(interaction):
            cases = await self._outcomes.cases_of(requester_of(interaction))
            await fill(interaction, own_cases_page(cases))

    async def tell_outcomes(self, interaction: discord.Interaction[Any]) -> None:
        """Tell whoever just used Flipbook what became of what they brought, once."""
        by = requester_of(interaction)
        cases = await self._outcomes.untold(by)
        if not cases or not await _is_answered(interaction):
            return
        text = "\n".join(outcome_sentence(case) for case in cases[:10])
        await interaction.followup.send(text, ephemeral=True)
        await self._outcomes.mark_told(cases[:10])

    # Moderators

    async def decide(
        self, interaction: discord.Interaction[Any], number: int, state: CaseState
    ) -> None:
        """Decide a case, and show on its card what became of it.

        Raises:
            NotAllowedError: The member is no moderator here.
            NotFoundError: There is no such case here.
        """
        self._access.check_moderator(interaction)
        response = interaction.response
        await twice(interaction, response.defer)
        verdict = await self.casework.decide(number, state, by=requester_of(interaction))
        await fill(interaction, case_page(verdict.case))
        if not verdict.is_new:
            text = f"Case #{number} was decided already."
            await interaction.followup.send(text, ephemeral=True)


def job_id_in(client: discord.Client, message: discord.Message) -> JobId:
    """Return the job whose video a message of ours shows.

    Raises:
        NotAllowedError: It shows none.
    """
    is_ours = client.user is not None and message.author.id == client.user.id
    for custom_id in _custom_ids(message.components) if is_ours else ():
        named = NAMES_JOB.fullmatch(custom_id)
        if named is not None:
            return JobId(named["job"])
    raise NotAllowedError(NO_VIDEO)


def custom_id_of(interaction: discord.Interaction[Any]) -> str:
    """Return what the form is called that was sent."""
    data = cast("Mapping[str, Any]", interaction.data or {})
    return str(data.get("custom_id", ""))


def written(interaction: discord.Interaction[Any], custom_id: str) -> str:
    """Return what was written into a field of a form; empty if there is no such field."""
    data = cast("Mapping[str, Any]", interaction.data or {})
    for item in data.get("components", []):
        field = item.get("component", {})
        if field.get("custom_id") == custom_id:
            return str(field.get("value") or "")
    return ""


def reply_of(interaction: discord.Interaction[Any]) -> ReplyToken:
    """Return what lets an interaction be answered once more."""
    return ReplyToken(value=interaction.token, expires_at=interaction.created_at + TOKEN_LIFE)


def _custom_ids(components: Sequence[Any]) -> list[str]:
    found: list[str] = []
    for component in components:
        custom_id = getattr(component, "custom_id", None)
        found += [custom_id] if custom_id else []
        found += _custom_ids(getattr(component, "children", ()))
    return found


def _form(custom_id: str, title: str) -> Modal:
    form = Modal(title=title, custom_id=custom_id)
    field: TextInput[LayoutView] = TextInput(
        style=discord.TextStyle.paragraph, custom_id=REASON, max_length=MAX_REASON_CHARS
    )
    form.add_item(Label(text="Why?", description="The moderators read it.", component=field))
    form.stop()  # nothing waits for it: `CaseDesk.take` reads its answer
    return form


async def _open(interaction: discord.Interaction[Any], form: Modal) -> None:
    await twice(interaction, lambda: interaction.response.send_modal(form))


async def _is_answered(interaction: discord.Interaction[Any]) -> bool:
    """Say whether a follow-up would be one, and not fill what is still open."""
    if interaction.response.type is discord.InteractionResponseType.modal:
        return False
    if not interaction.response.is_done():
        return False
    try:
        return not (await interaction.original_response()).flags.loading
    except discord.NotFound:  # a refusal took the open card away
        return True
