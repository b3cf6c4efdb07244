"""docs/privacy.md names every column about people; a new column needs a decision here or there."""

import re
import sqlite3
from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.__main__ import build_parser
from bot.legal import TEMPLATES, hosted, legal
from bot.settings import load_settings
from jobs.request import ProviderName
from tests.fakes.quick_database import open_quickly

PAGE = (Path(__file__).parents[2] / "docs/privacy.md").read_text()
ROW = re.compile(r"^\| `(\w+)` \| (`[^|]+`) \| [^|]+ \| [^|]+ \|$", re.MULTILINE)

# What says nothing about anybody: amounts, times, states, and numbers of our own.
NOT_PERSONAL: Mapping[str, set[str]] = {
    "job": {
        *("number", "id", "origin", "backend", "state", "attempt", "attempt_token", "setbacks"),
        *("lease_until", "cancel_requested", "created_at", "due_at", "started_at"),
        *("rendered_at", "ended_at", "cost", "estimate_s", "card_is_shown", "parent_id"),
        *("price_micros", "currency", "refused_by", "is_put_off", "charged_us", "held_until"),
        *("removed_at", "is_taken_down"),
    },
    "job_event": {"number", "job_id", "at", "attempt", "from_state", "to_state"},
    "attempt": {"job_id", "attempt", "backend", "at"},
    "letter": {"number", "token", "digest", "received_at", "read_at"},
    "callback": {"number", "message_id", "job_id", "created_at", "tries", "due_at", "outcome"},
    "bucket": {"window", "unit", "used", "reserved"},
    "reservation": {"job_id", "window", "unit", "amount", "state", "side"},
    "ledger": {
        *("number", "at", "job_id", "window", "unit", "kind", "used_delta", "reserved_delta"),
    },
    "backend_lane": {"backend", "running", "clock", "rate"},
    "party_lane": {
        *("backend", "weight", "queued", "cost", "running", "vtime", "turn", "clock", "most"),
    },
    "user_lane": {"backend", "weight", "queued", "cost", "running", "vtime", "turn", "most"},
    "quota_rule": {"setting", "value"},
    "bonus": {"number", "unit", "amount", "created_at", "expires_at", "ended_at"},
    "block": {"created_at", "expires_at"},
    "shut_out": {"created_at", "expires_at"},
    "audit": {"number", "at", "kind"},
    "guild_news": {"number", "at", "key", "sent_at"},
    "guild": {
        *("default_provider", "default_model", "moderator_permission", "retention_days"),
    },
    "policy_rule": {"number", "kind", "text", "action", "created_at"},
    "mod_case": {
        *("number", "kind", "opened_at", "state", "decided_at", "told_at", "rules"),
        "token_expires_at",
    },
    "refused_prompt": {"number", "rules", "expires_at"},
    "policy_pass": {"rules", "expires_at"},
    "case_count": {"last"},
    "erasure": {"asked_at"},
    "departure": {"left_at"},
    "forgetting": {"one"},
    "value": {"name", "value"},
    "api_key": {"id", "name", "digest", "created_at", "requests_per_minute", "revoked_at"},
}


def told() -> Mapping[str, set[str]]:
    """Return the columns of the page, by table."""
    found: dict[str, set[str]] = {}
    for table, columns in ROW.findall(PAGE):
        found.setdefault(table, set()).update(re.findall(r"`(\w+)`", columns))
    return found


@pytest.fixture
async def schema(tmp_path: Path) -> Mapping[str, set[str]]:
    """Return the columns of the migrated database, by table."""

    def work(connection: sqlite3.Connection) -> Mapping[str, set[str]]:
        rows = connection.execute(
            "SELECT one.name AS name, two.name AS column FROM sqlite_schema AS one "
            "JOIN pragma_table_xinfo(one.name) AS two "
            "WHERE one.type = 'table' AND one.name NOT LIKE 'sqlite_%'"
        ).fetchall()
        return {
            name: {row["column"] for row in rows if row["name"] == name}
            for name in {row["name"] for row in rows}
        }

    async with open_quickly(tmp_path / "flipbook.db") as database:
        return await database.read(work)


def test_every_column_is_either_told_or_not_about_anybody(
    schema: Mapping[str, set[str]],
) -> None:
    page = told()
    undecided = {
        f"{table}.{column}"
        for table, columns in schema.items()
        for column in columns - NOT_PERSONAL.get(table, set()) - page.get(table, set())
    }
    assert undecided == set(), "say in docs/privacy.md what they are, or here that they are not"


def test_the_page_and_the_list_name_only_what_is_there_and_never_the_same(
    schema: Mapping[str, set[str]],
) -> None:
    page = told()
    for table, columns in [*page.items(), *NOT_PERSONAL.items()]:
        assert columns <= schema.get(table, set()), table
    for table, columns in page.items():
        assert not columns & NOT_PERSONAL.get(table, set()), table


def test_the_page_names_every_hosted_provider() -> None:
    hosted_names = [one for one in ProviderName if one is not ProviderName.LOCAL]
    assert [one.label for one in hosted_names if f"| {one.label} |" not in PAGE] == []


def printed(template: str, **settings: str) -> str:
    arguments = build_parser().parse_args(
        ["legal", template, "--operator", "Jo", "--contact", "jo@example.org"]
    )
    return legal(load_settings(**settings), arguments)


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_is_filled_in_and_names_the_providers_that_are_on(template: str) -> None:
    alone = printed(template)
    assert "{" not in alone
    assert "Jo" in alone
    assert "Novita" not in alone
    assert "no other company gets your prompts" in alone
    both = printed(template, NOVITA_API_KEY="k", MODELSLAB_API_KEY="k")
    assert "ModelsLab or Novita" in both


def test_the_policy_says_how_long_videos_are_kept() -> None:
    assert "for 12 days," in printed("privacy-policy", FLIPBOOK_RETENTION_DAYS="12")
    assert "as long as the bot runs" in printed("privacy-policy", FLIPBOOK_RETENTION_DAYS="0")


def test_every_hosted_provider_is_one_that_the_templates_can_name() -> None:
    settings = load_settings(NOVITA_API_KEY="k", MODELSLAB_API_KEY="k")
    assert {*hosted(settings), ProviderName.LOCAL} == set(ProviderName)
