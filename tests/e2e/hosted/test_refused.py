"""What a service refuses: the member reads one sentence and pays nothing, the log has the cause."""

import re
from typing import Any

import pytest

from jobs.model import JobId
from jobs.request import ProviderName
from jobs.states import JobState
from tests.e2e.hosted.conftest import HostedBot, assert_delivered, assert_ended
from tests.e2e.hosted.services import KEY, ServiceProcess
from tests.fakes.novita.bodies import error

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

TECHNICAL = re.compile(
    r"https?|\bapi\b|json|error|exception|status|token|\bkey\b|null|timeout|[{}<>_]|\b[1-5]\d\d\b",
    re.IGNORECASE,
)
# What only the log says (docs.modelslab.com, "Error codes"; recorded bodies; tests.fakes.novita).
CAUSES: dict[ProviderName, dict[str, tuple[int, Any]]] = {
    ProviderName.MODELSLAB: {
        "Model id not found": (200, {"status": "error", "message": "Model id not found"}),
        "prompt contains nsfw words": (
            200,
            {"status": "error", "message": "Your prompt contains nsfw words"},
        ),
        "Insufficient credits": (
            402,
            {
                "status": "error",
                "message": "Insufficient credits. Please add more credits to continue.",
            },
        ),
    },
    ProviderName.NOVITA: {
        "model dreamshaper_8 is not there": (
            400,
            error("INVALID_REQUEST_BODY", "model dreamshaper_8 is not there"),
        ),
        "ILLEGAL_PROMPT": (400, error("ILLEGAL_PROMPT")),
        "BILLING_BALANCE_NOT_ENOUGH": (400, error("BILLING_BALANCE_NOT_ENOUGH")),
    },
}
BAD_KEY: dict[ProviderName, tuple[int, Any]] = {  # a service may well repeat what it was given
    ProviderName.MODELSLAB: (200, {"status": "error", "message": f"Invalid Api Key: {KEY}"}),
    ProviderName.NOVITA: (403, error("INVALID_API_KEY", f"Invalid API key {KEY}")),
}


def assert_plain(sentence: str) -> None:
    """Hold a text to one sentence of everyday words."""
    assert re.findall(r"[.!?](?=\s|$)", sentence) == ["."], sentence
    assert sentence.endswith(".")
    assert not TECHNICAL.search(sentence), sentence


async def test_a_refusal_is_told_in_one_sentence_and_costs_nothing(
    bot: HostedBot, service: ServiceProcess
) -> None:
    await bot.start()
    causes = CAUSES[service.name]
    for number, (status, body) in enumerate(causes.values(), start=1):
        await service.script("submit", "answer", status=status, body=body)
        await bot.ask()
        card = await bot.until_card("No video this time", times=number)
        job = await bot.job(JobId(bot.job_ids()[-1]))
        assert job.failure is not None
        assert_plain(job.failure.message)
        assert job.failure.message in card.text
        assert "It cost nothing." in card.text
    await bot.end()
    assert bot.states() == [JobState.FAILED] * len(causes)
    assert await service.bills() == []
    assert await bot.books() == (0, 0)
    for cause in causes:
        assert cause in bot.log


async def test_a_flagged_video_was_billed_and_is_posted_nowhere(
    bot: HostedBot, service: ServiceProcess
) -> None:
    await bot.start()
    await service.script("look", "flagged", times=100)
    await bot.ask()
    card = await bot.until_card("No video this time")
    job = await bot.job(JobId(bot.job_ids()[-1]))
    assert job.failure is not None
    assert job.failure.code == "flagged"
    assert_plain(job.failure.message)
    assert job.failure.message in card.text
    assert "It cost nothing." in card.text
    await assert_ended(bot, service, bills=1)


async def test_an_operator_may_have_flagged_videos_posted(
    bot: HostedBot, service: ServiceProcess
) -> None:
    bot.environment["FLIPBOOK_SAFETY_CHECKER"] = "off"
    await bot.start()
    await service.script("look", "flagged", times=100)
    await bot.ask()
    await assert_delivered(bot, service)


async def test_a_key_that_is_refused_takes_the_provider_out_and_is_told_nowhere(
    bot: HostedBot, service: ServiceProcess
) -> None:
    await bot.start()
    status, body = BAD_KEY[service.name]
    await service.script("submit", "answer", status=status, body=body)
    await bot.ask()
    await bot.until_card("No video this time")
    sandbox = bot.sandbox
    for _ in range(2):
        sent = await sandbox.slash(sandbox.ben, sandbox.channel, '/video prompt:"again"')
        answer = await sent.wait_answer()
        assert answer.is_ephemeral
        assert "; nothing was charged." in answer.text
        assert not TECHNICAL.search(answer.text)
    await bot.end()
    assert bot.states() == [JobState.FAILED]
    assert await service.count("submit") == 1
    assert await service.bills() == []
    assert await bot.books() == (0, 0)
    assert bot.log.count("refuses everyone") == 1


async def test_a_key_that_was_never_good_is_known_from_the_start(
    bot: HostedBot, service: ServiceProcess
) -> None:
    bot.environment[f"{service.name.upper()}_API_KEY"] = f"{KEY}-of-last-year"
    await bot.start()
    sandbox = bot.sandbox
    sent = await sandbox.slash(sandbox.ana, sandbox.channel, '/video prompt:"a comet"')
    answer = await sent.wait_answer()
    assert answer.is_ephemeral
    assert_plain(answer.text)
    await bot.end()
    assert bot.states() == []
    assert await service.count("submit") == 0
    assert bot.log.count("refuses everyone") == 1
