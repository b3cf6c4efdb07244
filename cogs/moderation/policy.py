"""`/mod policy`: what prompts may not hold in a server, and what a rule would do."""

import discord
from discord import app_commands
from discord.app_commands import Choice, Range

from cogs.access import Access
from cogs.acknowledgement import fill, open_private
from cogs.completion import as_choices, contains
from cogs.desk import requester_of
from cogs.moderation.policy_pages import added_sentence, rules_page, test_page
from cogs.preflight import is_adult_place
from jobs.errors import RequestError
from jobs.moderation.policies import Policing
from jobs.moderation.policy import Action, PolicyRule, RuleKind

KINDS = [
    Choice(name="word (several with commas)", value=RuleKind.WORD.value),
    Choice(name="phrase (several with commas)", value=RuleKind.PHRASE.value),
    Choice(name="regex", value=RuleKind.REGEX.value),
]
ACTIONS = [
    Choice(name="refuse the prompt", value=Action.REFUSE.value),
    Choice(name="hold it until a moderator has looked at it", value=Action.HOLD.value),
    Choice(name="flag it: it goes on, and the log channel is told", value=Action.FLAG.value),
]


class PolicyGroup(app_commands.Group):
    """Keeps a server's rules about prompts."""

    def __init__(self, *, access: Access, policing: Policing) -> None:
        super().__init__(name="policy", description="What prompts may not hold here")
        self._access = access
        self._policing = policing

    @app_commands.command(name="add", description="Add a rule about prompts")
    @app_commands.describe(
        kind="How it is compared; a word never fires inside of a longer one",
        text="The word, the phrase or the regex",
        action="What happens to a prompt that holds it",
        reason="Told to members whose prompt is refused",
    )
    @app_commands.choices(kind=KINDS, action=ACTIONS)
    async def add(
        self,
        interaction: discord.Interaction,
        kind: str,
        text: Range[str, 1, 4000],
        action: str,
        reason: Range[str, 1, 200] = "",
    ) -> None:
        """Add a rule, or several at once."""
        self._access.check_moderator(interaction)
        chosen = _chosen(kind, action)
        if not await open_private(interaction):
            return
        rules = await self._policing.add(
            chosen[0], text, chosen[1], by=requester_of(interaction), reason=reason
        )
        await fill(interaction, added_sentence(rules))

    @app_commands.command(name="remove", description="Remove a rule")
    @app_commands.describe(rule="Its number, as in the list")
    async def remove(
        self, interaction: discord.Interaction, rule: Range[int, 1, 2**53 - 1]
    ) -> None:
        """Remove a rule."""
        self._access.check_moderator(interaction)
        if not await open_private(interaction):
            return
        gone = await self._policing.remove(rule, by=requester_of(interaction))
        await fill(interaction, f"Rule {gone.number} is gone.")

    @app_commands.command(name="list", description="This server's rules")
    @app_commands.describe(find="Only rules that hold this", page="Which page")
    async def list_rules(
        self,
        interaction: discord.Interaction,
        find: Range[str, 1, 100] = "",
        page: Range[int, 1, 1000] = 1,
    ) -> None:
        """Show the rules."""
        self._access.check_moderator(interaction)
        if not await open_private(interaction):
            return
        rules = self._policing.policies.of(interaction.guild_id or 0)
        await fill(interaction, rules_page(rules, page, find))

    @app_commands.command(
        name="test", description="Which rules a prompt would meet in this channel"
    )
    @app_commands.describe(prompt="The prompt; nothing is made of it")
    async def test(self, interaction: discord.Interaction, prompt: Range[str, 1, 4000]) -> None:
        """Show which rules fire on a text, and where."""
        self._access.check_moderator(interaction)
        if not await open_private(interaction):
            return
        verdict = self._policing.policies.judge(
            [prompt], interaction.guild_id or 0, is_adult_place=is_adult_place(interaction)
        )
        await fill(interaction, test_page(verdict))

    @remove.autocomplete("rule")
    async def complete_rule(
        self, interaction: discord.Interaction, current: str
    ) -> list[Choice[int]]:
        """Complete with the server's rules, for moderators."""
        if not self._access.is_moderator(interaction):
            return []
        rules = reversed(self._policing.policies.of(interaction.guild_id or 0))
        labels = ((_label(rule), str(rule.number)) for rule in rules)
        found = as_choices(pair for pair in labels if contains(pair[0], current))
        return [Choice(name=one.name, value=int(one.value)) for one in found]


def _label(rule: PolicyRule) -> str:
    return f"{rule.number} · {rule.action} · {rule.text}"


def _chosen(kind: str, action: str) -> tuple[RuleKind, Action]:
    """Read the choices, which an API client may send as it likes.

    Raises:
        RequestError: There is no such kind or action.
    """
    try:
        return RuleKind(kind), Action(action)
    except ValueError as error:
        raise RequestError(
            "`kind` and `action` must be among those offered.", field="kind"
        ) from error
