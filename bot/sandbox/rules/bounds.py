"""Says in Discord's words that a value is too long, missing or not one of the choices."""

from collections.abc import Collection, Iterable, Sized

from bot.sandbox.errors import ApiError, invalid

Path = tuple[str | int, ...]

MAX_BITS = 2**53 - 1


def check_length(path: Path, value: Sized | None, least: int, most: int) -> None:
    """Check the length of a text or a list.

    Raises:
        ApiError: 50035.
    """
    length = 0 if value is None else len(value)
    if least and not length:
        raise required(path)
    if not least <= length <= most:
        raise too_long(path, most) if not least else _bad_length(path, least, most)


def check_text(path: Path, value: object, least: int, most: int) -> None:
    """Check that something is a text, and its length.

    Raises:
        ApiError: 50035.
    """
    if value is not None and not isinstance(value, str):
        raise invalid(path, "STRING_TYPE_CONVERT", f"Could not interpret {value!r} as string.")
    check_length(path, value, least, most)


def check_number(path: Path, value: object, least: int, most: int) -> None:
    """Check a whole number; null is as good as absent.

    Raises:
        ApiError: 50035.
    """
    if value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool):
        raise invalid(path, "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.')
    check_range(path, value, least, most)


def read_number(path: Path, value: object) -> int:
    """Read a whole number, or bits, that cannot be negative; 0 where there is none.

    Raises:
        ApiError: 50035.
    """
    check_number(path, value, 0, MAX_BITS)
    return value if isinstance(value, int) else 0


def check_range(path: Path, value: float, least: float, most: float) -> None:
    """Check how large a number is.

    Raises:
        ApiError: 50035.
    """
    if value > most:
        message = f"int value should be less than or equal to {most}."
        raise invalid(path, "NUMBER_TYPE_MAX", message)
    if value < least:
        message = f"int value should be greater than or equal to {least}."
        raise invalid(path, "NUMBER_TYPE_MIN", message)


def check_choice(path: Path, value: object, choices: Collection[object]) -> None:
    """Check that a value is one of those there are.

    Raises:
        ApiError: 50035.
    """
    listed = sorted(choices, key=lambda choice: (len(str(choice)), str(choice)))
    if value not in listed:  # in a list, because a wrong value may have no hash
        told = ", ".join(map(str, listed))
        raise invalid(path, "BASE_TYPE_CHOICES", f"Value must be one of {{{told}}}.")


def check_kind(path: Path, kind: object, allowed: Iterable[int]) -> None:
    """Check that a component is of a type that can stand where it stands.

    Raises:
        ApiError: 50035.
    """
    listed = sorted(allowed)
    if kind not in listed:
        told = ", ".join(str(int(one)) for one in listed)
        message = f'Value of field "type" must be one of ({told}).'
        raise invalid((*path, "type"), "UNION_TYPE_CHOICES", message)


def check_distinct(path: Path, values: Iterable[object], code: str) -> None:
    """Check that none of some values comes twice; `code` names what they are.

    Raises:
        ApiError: 50035.
    """
    listed = list(values)
    if len(set(listed)) != len(listed):
        raise invalid(path, code, "A value must not be used twice")


def too_long(path: Path, most: int) -> ApiError:
    """Return the refusal of what is longer than allowed."""
    return invalid(path, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")


def required(path: Path) -> ApiError:
    """Return the refusal of what lacks something."""
    return invalid(path, "BASE_TYPE_REQUIRED", "This field is required")


def _bad_length(path: Path, least: int, most: int) -> ApiError:
    return invalid(path, "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length.")
