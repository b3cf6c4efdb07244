from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import providers
from jobs.errors import SettingsError
from jobs.prices import PriceTable, write_price
from jobs.request import ProviderName
from tests.factories import make_request

TABLE = """
currency = "EUR"

[modelslab."*"]
per_video = 0.02

[novita."*"]
per_megapixel_step_frame = 0.0002

[novita."fast.safetensors"]
per_video = 0.001
per_second = 0.0035
"""
SHIPPED = Path(providers.__file__).with_name("prices.toml")
NOVITA = make_request(
    provider=ProviderName.NOVITA, width=512, height=512, steps=25, frames=16, fps=8
)


def test_a_model_without_a_price_of_its_own_has_that_of_all_others() -> None:
    table = PriceTable.parse(TABLE)
    assert table.currency == "EUR"
    assert table.price_of(make_request(provider=ProviderName.MODELSLAB)) == 20_000


def test_a_price_counts_pixels_steps_and_frames_and_rounds_up_to_a_millionth() -> None:
    # 0.262144 megapixels x 25 steps x 16 frames x 200 micros = 20971.52
    assert PriceTable.parse(TABLE).price_of(NOVITA) == 20_972


def test_a_price_counts_seconds_of_the_finished_video() -> None:
    request = NOVITA.evolve(model="fast.safetensors", frames=20)
    assert PriceTable.parse(TABLE).price_of(request) == 1_000 + 8_750


def test_what_has_no_entry_has_no_price() -> None:
    assert PriceTable.parse(TABLE).price_of(make_request()) is None
    assert PriceTable().price_of(NOVITA) is None


def test_the_shipped_table_prices_both_services_and_not_our_own_machine() -> None:
    table = PriceTable.load(SHIPPED)
    assert table.currency == "USD"
    assert table.price_of(NOVITA) == 20_972
    assert table.price_of(NOVITA.evolve(provider=ProviderName.MODELSLAB)) == 20_000
    assert table.price_of(make_request()) is None


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("currency = \n", "line 1", "Invalid value"),
        ('\ncurrency = "dollars"', "line 2", "currency"),
        ('[novita."*"]\nper_video = 1\nper_second = -1', "line 3", "per_second"),
        ('[novita."*"]\n\nper_video = 0.0000001', "line 3", "6 decimal"),
        ('[novita."*"]\nper_video = nan', "line 2", "finite"),
        ('[novita."*"]\nper_video = "free"', "line 2", "decimal"),
        ('[modelslab."*"]\nper_video = 1\n[novita."*"]\nper_movie = 2', "line 4", "per_movie"),
        ('[novita]\n"*" = {per_video = -2}', "line 2", "greater than"),
        ('[midjourney."*"]\nper_video = 1', "line 1", "novita"),
        ("novita = 3", "line 1", "novita"),
    ],
)
def test_a_bad_table_is_refused_with_its_line(
    tmp_path: Path, text: str, line: str, what: str
) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        PriceTable.load(path)
    assert str(path) in str(caught.value)
    assert line in str(caught.value)
    assert what in str(caught.value)


def test_a_table_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        PriceTable.load(tmp_path / "prices.toml")
    (tmp_path / "prices.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="cannot be read"):
        PriceTable.load(tmp_path / "prices.toml")


@given(st.text())
def test_whatever_a_table_says_it_is_read_or_refused(text: str) -> None:
    try:
        table = PriceTable.parse(text)
    except SettingsError:
        return
    assert len(table.currency) == 3


@pytest.mark.parametrize(
    ("micros", "currency", "written"),
    [
        (0, "USD", "$0.00"),
        (30_000, "USD", "$0.03"),
        (20_972, "USD", "$0.02"),
        (10_000, "EUR", "€0.01"),
        (4_200, "USD", "$0.0042"),
        (7, "USD", "$0.0000070"),
        (12_345_678, "CHF", "12.35 CHF"),
    ],
)
def test_a_price_is_written_for_people(micros: int, currency: str, written: str) -> None:
    assert write_price(micros, currency) == written
