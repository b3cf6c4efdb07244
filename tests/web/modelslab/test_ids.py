"""Our ids as this protocol's numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.web.modelslab.ids import job_id_of, number_of
from jobs.ids import draw_job_id
from jobs.model import JobId

MOST = 31**8


def test_the_letters_are_those_that_ids_are_drawn_from() -> None:
    job_id = draw_job_id()
    assert job_id_of(number_of(job_id)) == job_id


@given(st.integers(min_value=1, max_value=MOST))
def test_every_number_has_an_id_of_its_own(number: int) -> None:
    job_id = job_id_of(number)
    assert len(job_id) == 8
    assert number_of(job_id) == number


@pytest.mark.parametrize(
    ("job_id", "number"), [("22222222", 1), ("22222223", 2), ("2222223a", 40), ("zzzzzzzz", MOST)]
)
def test_the_letters_are_digits_of_base_31(job_id: str, number: int) -> None:
    assert number_of(JobId(job_id)) == number
    assert job_id_of(number) == job_id
    assert number < 2**53


@pytest.mark.parametrize("number", [0, -1, MOST + 1, 2**63])
def test_other_numbers_are_no_ids(number: int) -> None:
    with pytest.raises(ValueError, match="no id"):
        job_id_of(number)


@pytest.mark.parametrize("job_id", ["", "2222222", "222222222", "2222222o", "2222222A", "٢٢٢٢٢٢٢٢"])
def test_other_texts_have_no_number(job_id: str) -> None:
    with pytest.raises(ValueError, match="no id"):
        number_of(JobId(job_id))
