import pytest

from jobs.errors import UnconfirmedError
from providers.novita.client import NovitaApi
from tests.fakes.faults import Kind, Place
from tests.fakes.novita.bodies import model
from tests.fakes.novita.service import FakeNovita
from tests.providers.novita.conftest import MODEL

HTML = "<html>hello</html>"


async def test_the_shelf_holds_what_txt2video_takes(api: NovitaApi) -> None:
    shelf = await api.shelf()
    assert [found.id for found in shelf.models] == ["darkSushiMixMix_225D_64380.safetensors", MODEL]
    assert shelf.loras == ("add_detail_44319.safetensors",)
    assert shelf.embeddings == ("badhandv4_16755.pt",)


async def test_the_shelf_is_read_page_by_page(api: NovitaApi, fake: FakeNovita) -> None:
    fake.models = [model(n, f"m{n}", "checkpoint") for n in range(250)]
    shelf = await api.shelf()
    assert [found.id for found in shelf.models] == [f"m{n}" for n in range(250)]
    assert fake.counts[Place.MODELS] == 5  # three pages, and one of each other kind


async def test_a_list_without_an_end_is_left_after_twenty_pages(
    api: NovitaApi, fake: FakeNovita
) -> None:
    fake.models = [model(n, f"m{n}", "checkpoint") for n in range(2500)]
    shelf = await api.shelf()
    assert len(shelf.models) == 2000
    assert fake.counts[Place.MODELS] == 22


async def test_a_cursor_that_leads_back_to_itself_is_the_end(
    api: NovitaApi, fake: FakeNovita
) -> None:
    page = {"models": [model(1, "a", "checkpoint")], "pagination": {"next_cursor": "c_1"}}
    fake.script(Place.MODELS, Kind.ANSWER, times=2, body=page)
    assert [found.id for found in (await api.shelf()).models] == ["a"]


@pytest.mark.parametrize("body", [HTML, {}, {"models": 7, "pagination": 7}, [1]], ids=str)
async def test_a_page_that_is_none_is_no_empty_shelf_unless_it_says_so(
    api: NovitaApi, fake: FakeNovita, body: object
) -> None:
    fake.script(Place.MODELS, Kind.ANSWER, body=body)
    if isinstance(body, dict) and "models" in body:
        assert (await api.shelf()).models == ()
        return
    with pytest.raises(UnconfirmedError):
        await api.shelf()
