"""What members and moderators read about a quota, word by word."""

from cogs.quota_pages import (
    cleared_sentence,
    granted_sentence,
    history_page,
    own_page,
    reset_sentence,
    revoked_sentence,
    rules_page,
    set_sentence,
)
from jobs.model import JobId
from jobs.quota.books import Unit
from jobs.quota.statements import Entry, EntryKind
from jobs.quota.tiers import EVERYONE, OPERATOR, SERVER, Kind, Setting, Target
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
