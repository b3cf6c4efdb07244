"""What moderators read when they ask why a member gets no video, word by word."""

from datetime import timedelta

import pytest

from cogs.quota_pages import explained_page, own_page
from jobs.moderation.guilds import Block
from jobs.quota.allowances import Account
from jobs.quota.tiers import ALLOWANCES, SERVER, Setting
from tests.cogs.quota_samples import (
    ADA,
    NEXT_DAY,
    NEXT_MONTH,
    NEXT_WEEK,
    ROLE,
    SOON,
    account,
    bonus,
    said,
    text_of,
)
from tests.factories import NOW, make_rule


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
