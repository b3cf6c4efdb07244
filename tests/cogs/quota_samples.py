"""Ada's account as a page is given it, and what the page then says."""

from collections.abc import Mapping
from datetime import timedelta

from discord.ui import LayoutView

from bot.sandbox.rules.components import check_components
from bot.sandbox.world.components import texts
from jobs.model import Requester
from jobs.moderation.guilds import Block
from jobs.quota.allowances import Account
from jobs.quota.books import Bonus, Unit
from jobs.quota.statements import Balance, Statement, Terms
from jobs.quota.tiers import ALLOWANCES, Kind, Rule, Setting, Target, Tier
from jobs.quota.windows import span_of
from tests.factories import NOW

ADA = 5

ROLE = Target(kind=Kind.ROLE, id=6)

NEXT_DAY, NEXT_WEEK, NEXT_MONTH = (
    int((NOW.replace(hour=0) + timedelta(days=days)).timestamp()) for days in (1, 2, 10)
)

SOON = int((NOW + timedelta(days=7)).timestamp())


def account(
    *rules: Rule,
    used: Mapping[Setting, tuple[int, int]] | None = None,
    server: Mapping[Rule, tuple[int, int]] | None = None,
    bonuses: tuple[Bonus, ...] = (),
    block: Block | None = None,
    waiting: int = 0,
    running: int = 0,
    undecided: int = 0,
) -> Account:
    """Return Ada's account: limits, and what is used and held of them."""
    tier = Tier(rules={one.setting: one for one in rules})
    return Account(
        member=Requester(user_id=ADA, guild_id=2),
        statement=Statement(
            terms=Terms(tier=tier, server=Tier(), block=block),
            balances=[
                balance(setting, tier.rules.get(setting), *(used or {}).get(setting, (0, 0)))
                for setting in ALLOWANCES
            ],
            server=[balance(one.setting, one, *taken) for one, taken in (server or {}).items()],
            bonuses=bonuses,
            waiting=waiting,
        ),
        running=running,
        at=NOW,
        currency="USD",
        undecided=undecided,
    )


def balance(setting: Setting, limit: Rule | None, used: int, reserved: int) -> Balance:
    resets_at = span_of(ALLOWANCES[setting][1], NOW).resets_at
    return Balance(setting=setting, rule=limit, used=used, reserved=reserved, resets_at=resets_at)


def bonus(unit: Unit = Unit.VIDEOS, *, left: int = 3, reason: str = "") -> Bonus:
    return Bonus(
        number=1,
        guild_id=2,
        user_id=ADA,
        unit=unit,
        amount=5,
        left=left,
        created_at=NOW,
        expires_at=NOW + timedelta(days=7),
        by_user_id=9,
        reason=reason,
    )


def text_of(view: LayoutView) -> str:
    """Return all that a page says, after checking that Discord would take it."""
    payload = view.to_components()
    check_components(payload, is_v2=True, filenames=[])
    found = texts(payload)
    assert sum(len(text.encode("utf-16-le")) // 2 for text in found) <= 4000
    return "\n".join(found)


def said(view: LayoutView) -> str:
    """Return what a page says below its title."""
    return text_of(view).partition("\n")[2]
