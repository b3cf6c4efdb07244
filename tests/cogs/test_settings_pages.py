"""The page of settings fits Discord's limits, whatever was set."""

from cogs.moderation.settings_pages import places_line, settings_page
from jobs.moderation.guilds import GuildSettings, ModeratorPermission
from jobs.quota.statements import Balance
from jobs.quota.tiers import ALLOWANCES, OPERATOR, Rule
from jobs.request import ProviderName
from tests.factories import NOW

ID = 10**18  # as long as Discord's ids are
FULL = GuildSettings(
    guild_id=1,
    channels=frozenset(range(ID, ID + 50)),
    log_channel_id=ID,
    default_provider=ProviderName.MODELSLAB,
    default_model="*" * 100,
    moderator_permission=ModeratorPermission.MANAGE_MESSAGES,
    moderator_roles=frozenset(range(ID, ID + 25)),
)


def test_everything_at_its_most_fits_into_one_message() -> None:
    budgets = [
        Balance(
            setting=setting,
            rule=Rule(target=OPERATOR, setting=setting, value=10**12),
            used=0,
            reserved=0,
            resets_at=NOW,
        )
        for setting in ALLOWANCES
    ]
    view = settings_page(FULL, budgets, "USD")
    assert view.content_length() <= 4000
    shown = str(view.to_components())
    assert shown.count("set by the bot's operator") == len(ALLOWANCES), "none is cut off"
    assert "…" in shown, "but for the model's name"


def test_many_channels_are_counted() -> None:
    assert f"<#{ID + 19}> and 30 more, and in their threads." in places_line(FULL)
    alone = FULL.evolve(channels=frozenset({ID}))
    assert places_line(alone) == f"`/video` works in <#{ID}>, and in its threads."
