"""News stand in the log channel once, ping nobody, and are given up where nothing can be posted."""

import logging

import pytest

from bot.client import FlipbookClient
from bot.sandbox import Channel, Fault
from jobs.moderation.guilds import News
from tests.cogs.conftest import MESSAGES, House

TEXT = "<@1> blocked <@2>: too many @everyone"


def log_channel(house: House) -> Channel:
    return house.sandbox.guild.channel("moderators")


def news(house: House, *, number: int = 1, text: str = TEXT) -> News:
    return News(
        number=number,
        guild_id=int(house.sandbox.guild.id),
        channel_id=int(log_channel(house).id),
        text=text,
    )


def warned(caplog: pytest.LogCaptureFixture) -> list[object]:
    return [record.levelname for record in caplog.records if hasattr(record, "action")]


async def test_news_are_posted_once_and_ping_nobody(house: House, client: FlipbookClient) -> None:
    for _ in range(2):
        assert await client.guild_log.post(news(house)) is True
    (message,) = log_channel(house).messages.values()
    assert TEXT in message.text
    assert not message.pings
    posts = house.sandbox.requests.of("POST", MESSAGES)
    assert len(posts) == 2, "the second one was recognised by its nonce"


async def test_different_news_with_the_same_words_are_two_messages(
    house: House, client: FlipbookClient
) -> None:
    for number in (1, 2):
        await client.guild_log.post(news(house, number=number))
    assert len(log_channel(house).messages) == 2


async def test_news_that_are_too_long_are_cut(house: House, client: FlipbookClient) -> None:
    await client.guild_log.post(news(house, text="x" * 5000))
    (message,) = log_channel(house).messages.values()
    assert message.text.endswith("…")


@pytest.mark.parametrize("trouble", ["gone", "closed"])
async def test_a_channel_that_takes_nothing_is_given_up_and_the_operator_told(
    house: House, client: FlipbookClient, trouble: str, caplog: pytest.LogCaptureFixture
) -> None:
    told = news(house)
    if trouble == "gone":
        house.sandbox.world.delete_channel(log_channel(house))
    else:
        log_channel(house).deny("send_messages")
    with caplog.at_level(logging.WARNING, "cogs.moderation.guild_log"):
        assert await client.guild_log.post(told) is True
    assert warned(caplog) == ["WARNING"]


@pytest.mark.parametrize("fault", [Fault.instead(503), Fault.drop_before(), Fault.drop_after()])
async def test_trouble_that_passes_is_a_reason_to_try_again(
    house: House, client: FlipbookClient, fault: Fault
) -> None:
    house.sandbox.faults.add("POST", MESSAGES, fault)
    assert await client.guild_log.post(news(house)) is False
    assert await client.guild_log.post(news(house)) is True
    assert len(log_channel(house).messages) == 1
