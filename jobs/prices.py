"""What a video costs at a paid backend: the operator's price table, in integer millionths.

The services name no price in their answers, so what is booked and shown is this estimate,
until a backend says what it really billed. The file is TOML: a currency, and for each
provider and model (`"*"` is all others) amounts of that currency with at most six decimals.
"""

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field, StringConstraints, TypeAdapter, ValidationError

from jobs.errors import SettingsError
from jobs.request import ProviderName, ResolvedRequest
from jobs.toml_lines import line_of

MICROS = 1_000_000
ANY_MODEL = "*"
SIGNS = {"USD": "$", "EUR": "€", "GBP": "£"}

# Six decimals are one millionth; the upper bound keeps every sum far inside SQLite's integers.
_Amount = Annotated[Decimal, Field(ge=0, le=10_000, decimal_places=6)]


class _Rate(BaseModel, frozen=True, extra="forbid"):
    """One entry of the file, in the operator's currency."""

    per_video: _Amount = Decimal(0)
    per_second: _Amount = Decimal(0)
    per_megapixel_step_frame: _Amount = Decimal(0)


_RATES = TypeAdapter(dict[ProviderName, dict[str, _Rate]])
_CURRENCY = TypeAdapter(Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")])  # ISO 4217


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What one model costs, in millionths of the currency.

    Attributes:
        per_video: For each video, whatever its length.
        per_second: For each second of finished video.
        per_megapixel_step_frame: For a million pixels denoised once, in each frame.
    """

    per_video: int = 0
    per_second: int = 0
    per_megapixel_step_frame: int = 0

    def price_of(self, request: ResolvedRequest) -> int:
        """Return the price of a request in millionths, rounded up."""
        seconds = Fraction(request.frames, request.fps)
        work = Fraction(request.width * request.height * request.steps * request.frames, MICROS)
        timed = self.per_second * seconds
        return self.per_video + math.ceil(timed + self.per_megapixel_step_frame * work)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTable:
    """The rates of all backends; an empty table knows no price.

    Attributes:
        currency: Three letters of ISO 4217; the books count its millionths.
        rates: By provider and model; the model `"*"` stands for all that are not named.
    """

    currency: str = "USD"
    rates: Mapping[tuple[ProviderName, str], Rate] = field(
        default_factory=dict[tuple[ProviderName, str], Rate]
    )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a price file.

        Raises:
            SettingsError: It cannot be read, or says something else than prices; the message
                names the line.
        """
        try:
            return cls.parse(path.read_text(encoding="utf-8"), name=str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{path}: cannot be read: {error}") from error

    @classmethod
    def parse(cls, text: str, *, name: str = "prices.toml") -> Self:
        """Read the text of a price file.

        Raises:
            SettingsError: It says something else than prices; the message names the line.
        """
        try:
            tables: dict[str, Any] = tomllib.loads(text, parse_float=Decimal)
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"{name}: {error}") from error
        at: tuple[str, ...] = ("currency",)
        try:
            currency = _CURRENCY.validate_python(tables.pop("currency", cls().currency))
            at = ()
            entries = _RATES.validate_python(tables)
        except ValidationError as error:
            raise _refused(name, text, at, error) from error
        return cls(currency=currency, rates=_flat(entries))

    def price_of(self, request: ResolvedRequest) -> int | None:
        """Return what a request is expected to cost, in millionths; None if no price is known."""
        rate = self.rates.get((request.provider, request.model))
        rate = rate or self.rates.get((request.provider, ANY_MODEL))
        return None if rate is None else rate.price_of(request)


def write_price(micros: int, currency: str) -> str:
    """Write an amount for people: `$0.03`; less than a cent keeps two digits, `$0.0042`."""
    amount = Decimal(micros) / MICROS
    places = 2 if micros == 0 or micros >= MICROS // 100 else 1 - amount.adjusted()
    sign = SIGNS.get(currency)
    return f"{amount:.{places}f} {currency}" if sign is None else f"{sign}{amount:.{places}f}"


def _flat(
    entries: Mapping[ProviderName, Mapping[str, _Rate]],
) -> Mapping[tuple[ProviderName, str], Rate]:
    return {
        (provider, model): Rate(
            per_video=int(rate.per_video * MICROS),
            per_second=int(rate.per_second * MICROS),
            per_megapixel_step_frame=int(rate.per_megapixel_step_frame * MICROS),
        )
        for provider, models in entries.items()
        for model, rate in models.items()
    }


def _refused(name: str, text: str, at: Sequence[str], error: ValidationError) -> SettingsError:
    """Name the place of the first fault; what was written there is in the file to see."""
    fault = error.errors()[0]
    keys = [*at, *(str(key) for key in fault["loc"] if key != "[key]")]
    line = line_of(text, keys)
    where = name if line is None else f"{name}, line {line}"
    return SettingsError(f"{where}: {'.'.join(keys)}: {fault['msg']}.")
