"""What a fetch answers while a job waits, renders and ends, and what its webhook is told."""

from bot.web.modelslab.answers import eta_of
from bot.web.modelslab.door import V4_FETCH
from jobs.errors import RenderFailedError
from jobs.model import Progress, Standing
from jobs.states import JobState
from tests.web.modelslab.conftest import (
    DOCUMENTED,
    KEY,
    Answer,
    House,
)


async def finished(house: House, answer: Answer, *, version: str = "v3") -> Answer:
    """Have a job rendered, and return what its fetch answers."""
    async with house.rendering():
        await house.until(answer["id"], JobState.DONE)
    return await house.fetch(answer["id"], version=version)


async def test_a_finished_job_has_its_file_its_seed_and_what_was_really_used(house: House) -> None:
    house.world.provider.told = {
        "prompt": r"a cat \| really",
        "scheduler": "DDIMScheduler",
        "steps": 12,
        "width": 64,
        "fps": 8,
    }
    asked = await house.ask(width=128, height=128, prompt="a cat | really", seed=5)
    answer = await finished(house, asked)
    assert answer["status"] == "success"
    assert answer["id"] == asked["id"]
    (url,) = answer["output"]
    assert answer["proxy_links"] == answer["future_links"] == [url]
    assert url.startswith(f"{house.base}/files/")
    assert url.endswith(".mp4")
    meta = answer["meta"]
    assert (meta["seed"], meta["steps"], meta["scheduler"]) == (5, 12, "DDIMScheduler")
    assert meta["prompt"] == "a cat | really"
    assert (meta["W"], meta["rendered_W"]) == (128, 128)
    async with house.session.get(url) as file:
        assert file.status == 200
        assert await file.read() == house.world.provider.video
    assert asked["future_links"][0].partition("?")[0] == url


async def test_a_job_that_waits_says_so_in_the_shape_of_the_documents(house: House) -> None:
    asked = await house.ask()
    for version in ("v3", "v6"):
        answer = await house.fetch(asked["id"], version=version)
        assert answer["status"] == "processing"
        assert answer["message"] == "try again later."
        assert answer["output"] == ""
        assert answer["id"] == asked["id"]
        assert answer["fetch_result"] == asked["fetch_result"]


async def test_the_v4_fetch_takes_the_id_in_its_body(house: House) -> None:
    asked = await house.ask()
    for number in (asked["id"], str(asked["id"])):
        answer = await house.send(V4_FETCH, json={"key": KEY, "request_id": number})
        assert (answer["status"], answer["id"]) == ("processing", asked["id"])
    missing = await house.send(V4_FETCH, json={"key": KEY})
    assert missing["message"] == {"request_id": ["The request id field is required."]}


async def test_the_eta_is_what_the_backend_says_while_it_renders(house: House) -> None:
    house.world.provider.go.clear()
    asked = await house.ask()
    job = await house.only_job()
    async with house.rendering():
        await house.world.provider.until_watching(job)
        await house.until(asked["id"], JobState.RUNNING)
        running = await house.world.jobs.get(job.id)
        await house.delivery.show(running, progress=Progress(done=1, total=4, eta_s=7.25))
        assert (await house.fetch(asked["id"]))["eta"] == 7.25
        house.world.provider.go.set()
        await house.until(asked["id"], JobState.DONE)


async def test_a_failed_job_says_why(house: House) -> None:
    asked = await house.ask(webhook="https://hooks.example/end", track_id="7")
    job = await house.only_job()
    await house.world.jobs.request_cancel(job.id, now=house.world.clock.now(), by="test")
    answer = await house.fetch(asked["id"])
    assert (answer["status"], answer["output"]) == ("failed", "")
    assert answer["message"] == answer["messege"] == "The video was cancelled."
    await house.delivery.show(await house.only_job())
    (told,) = house.teller.told
    assert told == (
        "https://hooks.example/end",
        {
            "status": "failed",
            "id": str(asked["id"]),
            "message": "The video was cancelled.",
            "track_id": "7",
        },
    )


async def test_a_render_that_failed_says_why(house: House) -> None:
    house.world.provider.watch_errors = [RenderFailedError("The GPU fell over.")]
    asked = await house.ask()
    async with house.rendering():
        await house.until(asked["id"], JobState.FAILED)
    answer = await house.fetch(asked["id"])
    assert (answer["status"], answer["message"]) == ("failed", "The GPU fell over.")


async def test_an_eta_is_the_best_that_is_known(house: House) -> None:
    await house.ask()
    job = (await house.only_job()).evolve(estimate_s=40.0)
    standing = Standing(ahead=1, eta_s=12.3456)
    assert eta_of(job, standing, Progress(eta_s=3.0)) == 3.0
    assert eta_of(job, standing, Progress(done=1, total=2)) == 12.35
    assert eta_of(job, None, Progress(done=1, total=4)) == 30.0
    assert eta_of(job, Standing(), None) == 40.0
    assert eta_of(job, Standing(eta_s=0.0), None) == 1.0
    assert eta_of(job.evolve(state=JobState.READY), standing, None) == 1.0
    assert eta_of(job.evolve(estimate_s=None), None, None) == 20.0


async def test_what_a_backend_says_in_a_wrong_shape_is_not_repeated(house: House) -> None:
    house.world.provider.told = {"steps": "many", "seed": True, "prompt": 7, "guidance_scale": []}
    asked = await house.ask(width=128, height=128, seed=5)
    meta = (await finished(house, asked))["meta"]
    assert (meta["steps"], meta["seed"], meta["guidance_scale"]) == (30, 5, 7.5)
    assert meta["prompt"] == "a cat sitting on a bench"


async def test_a_webhook_is_told_the_file_and_the_track_id(house: House) -> None:
    asked = await house.ask(
        webhook="https://hooks.example/end", track_id=300, width=128, height=128
    )
    answer = await finished(house, asked)
    (told,) = house.teller.told
    url, body = told
    assert url == "https://hooks.example/end"
    assert (body["status"], body["id"], body["track_id"]) == ("success", str(asked["id"]), "300")
    assert body["output"] == answer["output"]
    assert body["meta"] == answer["meta"]


async def test_the_same_idempotency_key_gives_the_same_job(house: House) -> None:
    headers = {"Idempotency-Key": "one"}
    body = {"key": KEY, **DOCUMENTED, "width": 128, "height": 128}
    first = await house.send(json=body, headers=headers)
    again = await house.send(json=body, headers=headers)
    assert again["id"] == first["id"]
    other = await house.send(json={**body, "seed": 1}, headers=headers)
    assert "idempotency key" in other["message"]["Idempotency-Key"][0]
    done = await finished(house, first)
    assert await house.send(json=body, headers=headers) == done
