"""What members and moderators read about a quota, word by word."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from discord.ui import LayoutView

from bot.sandbox.rules.components import check_components
from bot.sandbox.world.components import texts
from cogs.quota_pages import (
    cleared_sentence,
    explained_page,
    granted_sentence,
    history_page,
    own_page,
    reset_sentence,
    revoked_sentence,
    rules_page,
    set_sentence,
)
from jobs.allowances import Account
from jobs.guilds import Block
from jobs.model import JobId, Requester
from jobs.quota import Bonus, Unit
from jobs.statements import Balance, Entry, EntryKind, Statement, Terms
from jobs.tiers import ALLOWANCES, EVERYONE, OPERATOR, SERVER, Kind, Rule, Setting, Target, Tier
from jobs.windows import span_of
from tests.factories import NOW, make_rule

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


def test_a_member_without_limits_reads_one_line() -> None:
    assert text_of(own_page(account())) == "### Your quota\nNo limits here."


def test_a_members_page_is_what_is_left_then_what_became_of_the_rest() -> None:
    page = own_page(
        account(
            make_rule(Setting.VIDEOS_PER_DAY, 20),
            make_rule(Setting.SECONDS_PER_WEEK, 60_000, ROLE),
            make_rule(Setting.MONEY_PER_MONTH, 5_500_000, OPERATOR),
            make_rule(Setting.LONGEST_SIDE, 512, Target(kind=Kind.MEMBER, id=ADA)),
            make_rule(Setting.PROVIDERS, frozenset({"novita", "local"}), ROLE),
            used={
                Setting.VIDEOS_PER_DAY: (17, 1),
                Setting.SECONDS_PER_WEEK: (1500, 0),
                Setting.MONEY_PER_MONTH: (0, 1_250_000),
            },
        )
    )
    assert text_of(page) == (
        "### Your quota\n"
        "**You can make 2 more videos today, at most 58.5 s this week.**\n"
        "**videos per day**: 2 of 20 videos left\n"
        f"-# ▰▰▰▰▰▰▰▰▰▰▱▱ 90 % · 17 used · 1 held · resets <t:{NEXT_DAY}:R> · "
        "set for everyone here\n"
        "**seconds per week**: 58.5 of 60 s left\n"
        f"-# ▱▱▱▱▱▱▱▱▱▱▱▱ 2 % · 1.5 used · resets <t:{NEXT_WEEK}:R> · set for <@&6>\n"
        "**money per month**: 4.25 of 5.50 USD left\n"
        f"-# ▰▰▱▱▱▱▱▱▱▱▱▱ 22 % · none used · 1.25 held · resets <t:{NEXT_MONTH}:R> · "
        "set by the bot's operator\n"
        "**longest side**: 512 px · set for you\n"
        "**providers**: \u2068local, novita\u2069 · set for <@&6>"
    )


def test_the_explanation_names_everything_also_what_nobody_limited() -> None:
    page = explained_page(
        account(
            make_rule(Setting.VIDEOS_PER_DAY, 20, ROLE),
            make_rule(Setting.AT_ONCE, None, ROLE),
            make_rule(Setting.WEIGHT, 2.5),
            used={Setting.SECONDS_PER_DAY: (8000, 2000), Setting.VIDEOS_PER_WEEK: (0, 1)},
            bonuses=(bonus(reason="won the *contest*"),),
            server={make_rule(Setting.MONEY_PER_MONTH, 10_000_000, SERVER): (9_000_000, 0)},
            waiting=1,
            running=2,
        )
    )
    assert text_of(page) == (
        "### Quota of <@5>\n"
        "**<@5> can make 23 more videos today (3 of them extra).**\n"
        "**videos per day**: 20 of 20 videos left\n"
        f"-# ▱▱▱▱▱▱▱▱▱▱▱▱ 0 % · none used · resets <t:{NEXT_DAY}:R> · set for <@&6>\n"
        "**at once**: unlimited · set for <@&6>\n"
        "**weight**: 2.5 · set for everyone here\n"
        "**This server as a whole**\n"
        "**money per month**: 1.00 of 10.00 USD left\n"
        f"-# ▰▰▰▰▰▰▰▰▰▰▱▱ 90 % · 9.00 used · resets <t:{NEXT_MONTH}:R> · set for the whole server\n"
        "**Extras**, used first\n"
        f"3 videos left of 5 videos, until <t:{SOON}:f>\n"
        f"-# given <t:{int(NOW.timestamp())}:R> · from <@9>: \u2068won the \\*contest\\*\u2069\n"
        "-# Nobody limited: videos per week (1 video held), videos per month, "
        "seconds per day (8 s used, 2 s held), seconds per week, seconds per month, "
        "money per day, money per week, money per month, waiting, longest side, longest video, "
        "providers, models.\n"
        "-# 1 video waits, 2 are being made."
    )


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (account(), "-# No video waits or is being made."),
        (account(waiting=2), "-# 2 videos wait, none is being made."),
        (
            account(running=1, undecided=1),
            "-# None waits, 1 is being made. 1 needs a decision: `/mod jobs list`.",
        ),
        (
            account(undecided=2),
            "-# No video waits or is being made. 2 need a decision: `/mod jobs list`.",
        ),
    ],
)
def test_what_is_under_way_is_told_last(given: Account, line: str) -> None:
    assert text_of(explained_page(given)).endswith(f"\n{line}")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (account(), "**<@5> can make as many videos as there is time for.**"),
        (
            account(make_rule(Setting.VIDEOS_PER_DAY, 1)),
            "**<@5> can make 1 more video today.**",
        ),
        (
            account(
                make_rule(Setting.VIDEOS_PER_DAY, 9),
                make_rule(Setting.VIDEOS_PER_MONTH, 10),
                used={Setting.VIDEOS_PER_DAY: (1, 0), Setting.VIDEOS_PER_MONTH: (8, 0)},
            ),
            "**<@5> can make 2 more videos this month.**",
        ),
        (
            account(make_rule(Setting.SECONDS_PER_DAY, 30_000)),
            "**<@5> can make videos, at most 30 s today.**",
        ),
        (
            account(
                make_rule(Setting.VIDEOS_PER_DAY, 2),
                used={Setting.VIDEOS_PER_DAY: (2, 0)},
                bonuses=(bonus(left=1),),
            ),
            "**<@5> can make 1 more video today (1 of them extra).**",
        ),
        (
            account(
                make_rule(Setting.VIDEOS_PER_DAY, 9),
                server={make_rule(Setting.VIDEOS_PER_WEEK, 9, SERVER): (6, 0)},
            ),
            "**<@5> can make 3 more videos this week.**",
        ),
        (
            account(
                make_rule(Setting.MONEY_PER_DAY, 1_000_000),
                used={Setting.MONEY_PER_DAY: (1_000_000, 0)},
            ),
            (
                "**<@5> can make as many videos as there is time for.**\n"
                "But nothing that costs money: the 1.00 USD a day are used up, "
                f"set for everyone here; it resets <t:{NEXT_DAY}:R>."
            ),
        ),
        (
            account(
                make_rule(Setting.VIDEOS_PER_DAY, 20, ROLE), used={Setting.VIDEOS_PER_DAY: (19, 1)}
            ),
            (
                "**<@5> cannot make a video now**: the 20 videos a day are used up or held, "
                f"set for <@&6>; it resets <t:{NEXT_DAY}:R>."
            ),
        ),
        (
            account(make_rule(Setting.VIDEOS_PER_DAY, 1), used={Setting.VIDEOS_PER_DAY: (25, 0)}),
            (
                "**<@5> cannot make a video now**: the 1 video a day is used up, "
                f"set for everyone here; it resets <t:{NEXT_DAY}:R>."
            ),
        ),
        (
            account(
                make_rule(Setting.SECONDS_PER_DAY, 4000), used={Setting.SECONDS_PER_DAY: (3800, 0)}
            ),
            (
                "**<@5> cannot make a video now**: the 4 s a day are used up, "
                f"set for everyone here; it resets <t:{NEXT_DAY}:R>."
            ),
        ),
        (
            account(server={make_rule(Setting.VIDEOS_PER_WEEK, 9, SERVER): (9, 0)}),
            (
                "**<@5> cannot make a video now**: this server's 9 videos a week are used up, "
                f"set for the whole server; it resets <t:{NEXT_WEEK}:R>."
            ),
        ),
        (
            account(make_rule(Setting.VIDEOS_PER_MONTH, 0, ROLE)),
            "**<@5> cannot make a video now**: videos per month: none, set for <@&6>.",
        ),
        (
            account(make_rule(Setting.AT_ONCE, 0)),
            "**<@5> cannot make a video now**: at once: none, set for everyone here.",
        ),
        (
            account(make_rule(Setting.MODELS, frozenset[str]())),
            "**<@5> cannot make a video now**: models: none, set for everyone here.",
        ),
        (
            account(make_rule(Setting.WAITING, 2), waiting=2),
            (
                "**<@5> cannot make a video now**: 2 videos wait already, and at most 2 videos "
                "may wait at a time, set for everyone here."
            ),
        ),
        (
            account(
                make_rule(Setting.WAITING, 1),
                waiting=1,
                block=Block(
                    guild_id=2,
                    user_id=ADA,
                    reason="floods @everyone",
                    by_user_id=9,
                    created_at=NOW,
                    expires_at=NOW + timedelta(days=7),
                ),
            ),
            (
                "**<@5> cannot make a video now**:\n"
                f"- blocked by a moderator until <t:{SOON}:f>, because: "
                "\u2068floods @\u200beveryone\u2069\n"
                "- 1 video waits already, and at most 1 video may wait at a time, "
                "set for everyone here"
            ),
        ),
    ],
)
def test_the_first_words_answer_why_there_is_no_video(given: Account, words: str) -> None:
    assert said(explained_page(given)).startswith(words)


def test_a_member_who_left_is_explained_without_roles_which_is_said() -> None:
    words = "<@5> is not in this server now: what roles allow is left out."
    assert words in said(explained_page(account(), has_left=True))
    assert words not in said(explained_page(account()))


def test_a_limit_below_what_is_used_leaves_nothing_and_shows_all_that_was_used() -> None:
    page = own_page(
        account(make_rule(Setting.VIDEOS_PER_DAY, 5), used={Setting.VIDEOS_PER_DAY: (9, 0)})
    )
    assert "**videos per day**: none of 5 videos left\n-# ▰▰▰▰▰▰▰▰▰▰▰▰ 100 % · 9 used" in said(page)


def test_a_blocked_member_without_limits_is_told_of_the_block() -> None:
    block = Block(guild_id=2, user_id=ADA, reason="", by_user_id=9, created_at=NOW)
    assert said(own_page(account(block=block))).startswith(
        "**You cannot make a video now**: blocked by a moderator."
    )


def test_the_fullest_page_still_fits() -> None:
    ids = frozenset(f"model_{number}_{'*' * 80}" for number in range(25))
    limits = [
        make_rule(setting, ids if setting in (Setting.MODELS, Setting.PROVIDERS) else 10**12, ROLE)
        for setting in Setting
    ]
    full = account(
        *limits,
        used=dict.fromkeys(ALLOWANCES, (10**11, 10**11)),
        server={make_rule(one, 10**12, SERVER): (10**11, 10**11) for one in ALLOWANCES},
        bonuses=(bonus(reason="\U0001f3ac" * 200),) * 40,
        waiting=1000,
        running=1000,
    )
    for page in (own_page(full), explained_page(full, has_left=True)):
        assert "more" in text_of(page).splitlines()[-1]


def test_the_history_tells_what_became_of_each_job_and_what_moderators_did() -> None:
    job = JobId("k3m9x2ab")
    entries = [
        Entry(at=NOW, kind=EntryKind.HELD, amounts=((Unit.VIDEOS, 1),), job_id=job),
        Entry(
            at=NOW,
            kind=EntryKind.USED,
            amounts=((Unit.VIDEO_MS, 2000), (Unit.VIDEOS, 1), (Unit.MONEY_MICROS, 30_000)),
            job_id=job,
        ),
        Entry(at=NOW, kind=EntryKind.GIVEN_BACK, amounts=((Unit.VIDEOS, 1),), job_id=job),
        Entry(at=NOW, kind=EntryKind.RESET, amounts=((Unit.VIDEOS, 2),)),
        Entry(at=NOW, kind=EntryKind.RESET, amounts=((Unit.VIDEOS, 1),)),
        Entry(at=NOW, kind=EntryKind.RESET, amounts=((Unit.VIDEO_MS, 6000),)),
        Entry(at=NOW, kind=EntryKind.GRANTED, amounts=((Unit.MONEY_MICROS, 2_500_000),)),
    ]
    ago = f"<t:{int(NOW.timestamp())}:R>"
    assert said(history_page(entries, "USD")) == (
        f"{ago} 1 video held · `k3m9x2ab`\n"
        f"{ago} 1 video, 2 s, 0.03 USD used · `k3m9x2ab`\n"
        f"{ago} 1 video given back · `k3m9x2ab`\n"
        f"{ago} a moderator gave back 3 videos, 6 s\n"
        f"{ago} a moderator gave 2.50 USD extra"
    )


def test_an_empty_history_says_so() -> None:
    assert said(history_page([])) == "Nothing yet: no video of yours was counted here."


def test_the_list_is_by_target_and_shows_roles_that_are_gone_as_such() -> None:
    rules = [
        make_rule(Setting.VIDEOS_PER_DAY, 3, Target(kind=Kind.MEMBER, id=ADA)),
        make_rule(Setting.AT_ONCE, 0),
        make_rule(Setting.VIDEOS_PER_DAY, 20),
        make_rule(Setting.VIDEOS_PER_DAY, None, ROLE),
        make_rule(Setting.VIDEOS_PER_DAY, 9, Target(kind=Kind.ROLE, id=7)),
        make_rule(Setting.MONEY_PER_MONTH, 5_000_000, SERVER),
    ]
    assert text_of(rules_page(rules, known_roles=frozenset({6}), currency="USD")) == (
        "### Limits here\n"
        "**the whole server**\nmoney per month: 5.00 USD\n"
        "**everyone here**\nvideos per day: 20 videos; at once: none\n"
        "**<@&6>**\nvideos per day: unlimited\n"
        "**a role that no longer exists (7)**\nvideos per day: 9 videos\n"
        "**<@5>**\nvideos per day: 3 videos"
    )


def test_a_list_of_a_thousand_limits_is_cut_and_counted() -> None:
    rules = [
        make_rule(Setting.VIDEOS_PER_DAY, 20, Target(kind=Kind.MEMBER, id=10**18 + number))
        for number in range(1000)
    ]
    last = text_of(rules_page(rules, known_roles=frozenset())).splitlines()[-1]
    assert last.startswith("-# and 9")
    assert last.endswith("more")


def test_a_server_without_limits_is_told_how_to_set_one() -> None:
    assert said(rules_page([], known_roles=frozenset())) == (
        "None is set: `/mod quota set` sets one."
    )


def test_what_was_done_is_told_in_one_sentence() -> None:
    limits = [make_rule(Setting.AT_ONCE, 0, ROLE), make_rule(Setting.VIDEOS_PER_DAY, 20, ROLE)]
    assert set_sentence(limits[1]) == "**videos per day** for <@&6> is now 20 videos."
    assert cleared_sentence(ROLE, limits) == (
        "Removed for <@&6>: videos per day: 20 videos; at once: none."
    )
    assert cleared_sentence(EVERYONE, []) == (
        "Nothing of the kind was set for everyone here, so nothing changed."
    )
    assert granted_sentence(bonus()) == (
        f"<@5> has 5 videos extra until <t:{SOON}:f>; extras are used before the allowance."
    )
    assert revoked_sentence(ADA, [bonus(), bonus()]) == "Taken back from <@5>: 6 videos."
    assert revoked_sentence(ADA, []) == "<@5> has no extras, so nothing changed."
    assert reset_sentence(ADA, {Unit.VIDEO_MS: 1500, Unit.VIDEOS: 2}) == (
        "Given back to <@5>: 2 videos, 1.5 s. What videos under way hold stays held."
    )
    assert reset_sentence(ADA, {}) == "<@5> has used nothing of that, so nothing changed."
