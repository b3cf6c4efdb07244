"""What happens between `/video` and a queued job, on the wire."""

import dataclasses

import pytest

from bot.sandbox import Fault
from cogs import images
from jobs.quota.tiers import Setting
from jobs.service import Ask, Asked
from jobs.states import JobState
from tests.cogs.conftest import CALLBACK, WEBHOOK_MESSAGE, House, settled

pytestmark = pytest.mark.usefixtures("client")

IMAGE = ("start.png", b"image of a cat")


async def test_a_video_is_queued_and_its_card_shows_it(house: House) -> None:
    job, card = await house.queued(house.sandbox.ben, prompt="a *red* circle", seed=7)
    assert job.state is JobState.QUEUED
    assert (job.requester.user_id, job.request.seed) == (int(house.sandbox.ben.id), 7)
    assert (job.address.card_id, job.address.channel_id) == (
        int(card.id),
        int(house.sandbox.channel.id),
    )
    assert "In the queue" in card.text
    assert "a \\*red\\* circle" in card.text
    assert "Next in line" in card.text
    assert [button.custom_id for button in card.buttons] == [f"vid:cancel:{job.id}"]
    assert not card.pings


async def test_what_the_backend_cannot_honour_stands_on_the_card(house: House) -> None:
    _, card = await house.queued(house.sandbox.ben, scheduler="DDIMScheduler")
    assert "⚠️ This backend takes no scheduler." in card.text


async def test_the_smaller_upload_limit_is_kept(house: House) -> None:
    house.sandbox.ben.upload_limit = 500 * 2**20  # Nitro of the member is no help to the bot
    job, _ = await house.queued(house.sandbox.ben)
    assert job.address.upload_limit == 10 * 2**20


@pytest.mark.parametrize(
    ("options", "fragment"),
    [
        ({"width": 500}, "`width` must be a multiple of 8"),
        ({"frames": 129}, "`frames` must be between 8 and 128, not 129"),
        ({"prompt": "|".join(["a cat"] * 17)}, "17 parts"),
        ({"prompt": ""}, "`prompt` is empty"),
        ({"prompt": "   "}, "`prompt` is empty"),
        ({"prompt": "x" * 1025}, "1025 characters"),
        ({"model": "@everyone"}, "`model`: there is no"),
        ({"seed": 2**32}, "`seed` must be between"),
        ({"scheduler": "Nonsense"}, "`scheduler` must be one of"),
        ({"loras": "sketch:much"}, "is no strength"),
        ({"width": "wide"}, "`width` has a value of the wrong kind"),
        ({"provider": "novita"}, "`provider`: novita is not set up here"),
    ],
)
async def test_bad_input_is_refused_at_once(
    house: House, options: dict[str, object], fragment: str
) -> None:
    interaction = await house.video(house.sandbox.ben, None, **options)
    assert fragment in await house.refused(interaction)
    assert len(house.sandbox.requests.of("POST", CALLBACK)) == 1
    assert not interaction.followups  # refused instead of acknowledged, so nobody else saw it


@pytest.mark.parametrize(
    ("denied", "named"),
    [
        ("attach_files", "Attach Files"),
        ("send_messages", "Send Messages"),
        ("read_message_history", "Read Message History"),
        ("view_channel", "View Channel"),
    ],
)
async def test_a_channel_that_takes_no_video_is_refused_with_the_fix(
    house: House, denied: str, named: str
) -> None:
    house.sandbox.channel.deny(denied)
    told = await house.refused(await house.video(house.sandbox.ben))
    assert f"I lack {named};" in told
    assert "Edit Channel → Permissions" in told


async def test_a_thread_needs_its_own_permission(house: House) -> None:
    thread = house.sandbox.world.add_thread(house.sandbox.channel, "a thread")
    thread.deny("send_messages_in_threads")
    told = await house.refused(await house.video(house.sandbox.ben, thread))
    assert "Send Messages in Threads" in told
    thread.allow("send_messages_in_threads")
    thread.deny("send_messages")
    interaction = await house.video(house.sandbox.ben, thread)
    assert (await house.job_of(interaction)).address.channel_id == int(thread.id)


async def test_a_quota_that_is_used_up_takes_the_card_away_again(house: House) -> None:
    await house.limit(Setting.VIDEOS_PER_DAY, 0)
    interaction = await house.video(house.sandbox.ben)
    assert await house.refused(interaction)


async def test_a_storage_that_fails_costs_nothing_and_says_so(house: House) -> None:
    house.line.is_cut = True
    told = await house.refused(await house.video(house.sandbox.ben))
    assert told.startswith("Flipbook cannot reach its own records")


async def test_a_service_that_closes_takes_no_job(house: House) -> None:
    house.service.close()
    assert "restarting" in await house.refused(await house.video(house.sandbox.ben))


@pytest.mark.usefixtures("expects_errors")
@pytest.mark.parametrize("is_acknowledged", [False, True])
async def test_what_nobody_foresaw_is_answered_with_a_reference(
    house: House,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_acknowledged: bool,
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    target, name = (house.quotas, "terms_of") if is_acknowledged else (house.provider, "check")
    monkeypatch.setattr(target, name, broken)
    told = await house.refused(await house.video(house.sandbox.ben))
    assert "Something went wrong" in told
    reference = told.partition("reference ")[2].partition(")")[0]
    assert reference in caplog.text
    assert "secret detail" in caplog.text
    assert "secret" not in told


async def test_an_interaction_that_arrives_twice_is_one_job(house: House) -> None:
    interaction = await house.video(house.sandbox.ben)
    await house.sandbox.redeliver(interaction)
    job = await house.job_of(interaction)
    await house.sandbox.redeliver(interaction)
    await house.sandbox.wait_for(lambda: len(callbacks_done(house)) == 3)
    await settled()
    assert sorted(callbacks_done(house)) == [200, 400, 400]
    assert [found.id for found in await house.all_jobs()] == [job.id]
    assert len(house.sandbox.channel.messages) == 1
    assert not interaction.followups


async def test_a_request_that_is_known_already_is_left_to_its_first_answer(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = house.service.ask

    async def known(order: Ask) -> Asked:
        return dataclasses.replace(await ask(order), is_new=False)

    monkeypatch.setattr(house.service, "ask", known)
    interaction = await house.video(house.sandbox.ben)
    await interaction.wait_acked()
    await settled()
    assert interaction.answer is None


def callbacks_done(house: House) -> list[int]:
    callbacks = house.sandbox.requests.of("POST", CALLBACK)
    return [callback.status for callback in callbacks if callback.status is not None]


@pytest.mark.parametrize("fault", [Fault.after(502), Fault.drop_after(), Fault.drop_before()])
async def test_an_acknowledgement_whose_answer_was_lost_still_gets_its_job(
    house: House, fault: Fault
) -> None:
    lost = house.sandbox.faults.add("POST", CALLBACK, fault)
    interaction = await house.video(house.sandbox.ben)
    job = await house.job_of(interaction)
    assert lost.hits == 1
    assert interaction.message is not None
    assert str(job.address.card_id) == interaction.message.id


async def test_a_late_acknowledgement_leaves_no_job(house: House) -> None:
    interaction = await house.video(house.sandbox.ben)
    house.sandbox.clock.advance(4)
    await house.sandbox.wait_for(lambda: callbacks_done(house) == [404])
    await settled()
    assert await house.all_jobs() == []
    assert interaction.answer is None


async def test_a_token_that_dies_at_once_is_no_trouble(house: House) -> None:
    fault = house.sandbox.faults.add("PATCH", WEBHOOK_MESSAGE, Fault.instead(404, code=10015))
    interaction = await house.video(house.sandbox.ben)
    await house.sandbox.wait_for(lambda: interaction.message and interaction.message.text)
    await settled()
    assert fault.hits == 1
    assert interaction.message is not None
    assert "In the queue" in interaction.message.text  # written as the bot
    assert len(await house.all_jobs()) == 1


async def test_an_image_is_read_and_kept_before_the_job_is_queued(house: House) -> None:
    job, _ = await house.queued(house.sandbox.ben, image=IMAGE, strength=0.3)
    assert job.request.image is not None
    kept = house.artifacts.image_path(job.request.image)
    assert kept.read_bytes() == IMAGE[1]


@pytest.mark.parametrize(
    ("image", "fragment"),
    [
        (("cat.png", b"no picture at all"), "`image` is not an image"),
        (("cat.png", bytes(20 * 2**20 + 1)), "`image` has 20.0 MiB; 20 MiB is the most"),
    ],
)
async def test_a_bad_image_is_refused_before_the_acknowledgement(
    house: House, image: tuple[str, bytes], fragment: str
) -> None:
    interaction = await house.video(house.sandbox.ben, None, image=image)
    assert fragment in await house.refused(interaction)
    assert not interaction.followups


async def test_a_slow_image_is_waited_for_after_the_acknowledgement(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "PATIENCE_S", 0.01)
    house.media.go.clear()
    interaction = await house.video(house.sandbox.ben, None, image=IMAGE)
    await interaction.wait_acked()
    assert await house.all_jobs() == []
    house.media.go.set()
    assert (await house.job_of(interaction)).request.image is not None


async def test_a_slow_bad_image_takes_the_card_away_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "PATIENCE_S", 0.01)
    house.media.go.clear()
    interaction = await house.video(house.sandbox.ben, None, image=("cat.png", b"no"))
    await interaction.wait_acked()
    house.media.go.set()
    assert "`image` is not an image" in await house.refused(interaction)
