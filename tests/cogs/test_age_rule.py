"""Models for adults: only where Discord lets nobody else in, and never by default elsewhere."""

import pytest

from bot.client import FlipbookClient
from jobs.moderation.guilds import GuildSettings
from tests.cogs.conftest import House
from tests.factories import make_act

pytestmark = pytest.mark.usefixtures("client")


@pytest.fixture
def adult_model(house: House) -> str:
    """Mark one of the provider's models as age-restricted, beside a default that is not."""
    plain = house.provider.models()[0]
    adult = plain.model_copy(update={"id": "adult", "is_age_restricted": True})
    house.provider.offers = [plain, adult]
    return adult.id


async def test_such_a_model_is_refused_elsewhere_and_made_in_its_channels_and_their_threads(
    house: House, adult_model: str
) -> None:
    sandbox = house.sandbox
    refused = await house.refused(await house.video(sandbox.ben, model=adult_model))
    assert "only for age-restricted channels" in refused.replace("\\", "")
    adults = sandbox.world.add_channel(sandbox.guild, "adults", nsfw=True)
    for place in (adults, sandbox.world.add_thread(adults, "thread")):
        job = await house.job_of(await house.video(sandbox.ben, place, model=adult_model))
        assert job.request.model == adult_model


async def test_a_server_default_of_that_kind_is_passed_over_elsewhere(
    house: House, adult_model: str
) -> None:
    sandbox = house.sandbox
    guild_id = int(sandbox.guild.id)
    settings = GuildSettings(guild_id=guild_id, default_model=adult_model)
    await house.guild_store.save_settings(settings, act=make_act(guild_id=guild_id))
    house.guilds.learn(settings)
    job, _ = await house.queued(sandbox.ben)
    assert job.request.model != adult_model


def test_video_itself_is_for_everybody(client: FlipbookClient) -> None:
    assert not any(getattr(command, "nsfw", False) for command in client.tree.walk_commands())
