"""What `/settings` shows: pure functions from a server's settings to words and pages."""

from collections.abc import Sequence

from discord.ui import LayoutView

from cogs.cards import WORKING, page
from cogs.text import cut, safe
from jobs.moderation.guilds import GuildSettings, ModeratorPermission, days_words
from jobs.quota.amounts import format_amount, format_value
from jobs.quota.statements import Balance
from jobs.quota.tiers import ALLOWANCES, Kind, Rule

NAMED = 20  # channels or roles on one line
MAX_LINE_CHARS = 1200
MAX_NAME_CHARS = 100
UNTOLD = "\n-# Nobody is warned when it is nearly used: choose a channel with `/settings log`."

# `default_member_permissions` of the command; what a server lets others see, no bot can set.
HIDDEN = (
    "\n-# Discord shows `/mod` to members with Manage Messages. Show it to others under "
    "Server Settings → Integrations → Flipbook."
)


def settings_page(settings: GuildSettings, budgets: Sequence[Balance], currency: str) -> LayoutView:
    """Return everything that managers set for a server."""
    lines = [
        places_line(settings),
        log_line(settings),
        defaults_line(settings),
        moderators_line(settings),
        retention_line(settings),
        budgets_text(budgets, currency),
    ]
    return page(WORKING, ["### Settings", *(cut(line, MAX_LINE_CHARS) for line in lines)])


def places_line(settings: GuildSettings) -> str:
    """Say where `/video` works."""
    if not settings.channels:
        return "`/video` works **in every channel**."
    threads = "its threads" if len(settings.channels) == 1 else "their threads"
    return f"`/video` works in {some(settings.channels, '#')}, and in {threads}."


def log_line(settings: GuildSettings) -> str:
    """Say where moderators are told what they should know."""
    if settings.log_channel_id is None:
        return "There is **no log channel**."
    return f"Moderators are told in <#{settings.log_channel_id}> what they should know."


def defaults_line(settings: GuildSettings) -> str:
    """Say what is taken where a member leaves it open."""
    provider, model = settings.default_provider, settings.default_model
    named = "" if model is None else f"the model {safe(model, MAX_NAME_CHARS)}"
    match provider, model:
        case None, None:
            return "Who renders, and with which model, is **left to Flipbook**."
        case None, _:
            taken = named
        case _, None:
            taken = provider.label
        case _:
            taken = f"{provider.label} and {named}"
    return f"Where a member does not say, this is preferred: {taken}."


def moderators_line(settings: GuildSettings) -> str:
    """Say who moderates."""
    roles = settings.moderator_roles
    also = f", or one of these roles: {some(roles, '@&')}" if roles else ""
    permission = settings.moderator_permission
    is_hidden = roles or permission is not ModeratorPermission.MANAGE_MESSAGES
    told = f"Moderators are all who have the permission **{permission.label}**{also}."
    return told + (HIDDEN if is_hidden else "")


def retention_line(settings: GuildSettings) -> str:
    """Say how long ended videos are kept."""
    return f"Ended videos, with prompts and files, are kept **{_kept(settings.retention_days)}**."


def _kept(days: int | None) -> str:
    return days_words(days) if days is None else f"for {days_words(days)}"


def budgets_text(budgets: Sequence[Balance], currency: str) -> str:
    """Say what all members together may make, and what is left of it."""
    if not budgets:
        return "The server as a whole has **no budget**."
    lines = [budget_line(one, currency) for one in budgets]
    return "\n".join(["Budgets of the server as a whole:", *lines])


def budget_line(balance: Balance, currency: str) -> str:
    """Return one budget on one line."""
    unit, _ = ALLOWANCES[balance.setting]
    value = None if balance.rule is None else balance.rule.value
    amount = format_amount(unit, balance.left, currency) if balance.left else "none"
    left = "" if balance.left is None else f", {amount} left"
    is_operators = balance.rule is not None and balance.rule.target.kind is Kind.OPERATOR
    by = ", set by the bot's operator" if is_operators else ""
    until = f", until <t:{int(balance.resets_at.timestamp())}:f>"
    limit = format_value(balance.setting, value, currency)
    return f"- {balance.setting.label}: **{limit}**{left}{until}{by}"


def budget_sentence(rule: Rule, settings: GuildSettings, currency: str) -> str:
    """Say what a budget was set to."""
    limit = format_value(rule.setting, rule.value, currency)
    untold = UNTOLD if rule.value and settings.log_channel_id is None else ""
    return f"**{rule.setting.label}** for {rule.target.mention} is now {limit}.{untold}"


def some(ids: frozenset[int], sign: str) -> str:
    """Mention the first of some channels or roles, and count the others."""
    named = [f"<{sign}{one}>" for one in sorted(ids)]
    more = len(named) - NAMED
    return ", ".join(named[:NAMED]) + (f" and {more} more" if more > 0 else "")
