"""Turns our ids into numbers and back: this protocol's ids are ints, and clients count on it.

The eight letters of an id are the digits of a number of base 31. It is below 2**53, so that
JavaScript reads it without loss, and never 0, which clients take for none.
"""

from jobs.ids import LENGTH, LETTERS
from jobs.model import JobId

_DIGITS = {letter: digit for digit, letter in enumerate(LETTERS)}


def number_of(job_id: JobId) -> int:
    """Return an id as a number from 1 to 31**8.

    Raises:
        ValueError: It is no id of ours.
    """
    if len(job_id) != LENGTH or not _DIGITS.keys() >= set(job_id):
        raise ValueError(f"{job_id!r} is no id")
    number = 0
    for letter in job_id:
        number = number * len(LETTERS) + _DIGITS[letter]
    return number + 1


def job_id_of(number: int) -> JobId:
    """Return the id that `number_of` gave a number.

    Raises:
        ValueError: No id has it.
    """
    if not 1 <= number <= len(LETTERS) ** LENGTH:
        raise ValueError(f"{number} is no id's number")
    left, letters = number - 1, ""
    for _ in range(LENGTH):
        left, digit = divmod(left, len(LETTERS))
        letters = LETTERS[digit] + letters
    return JobId(letters)
