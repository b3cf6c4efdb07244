"""Says of each model what may be asked of it, or why it is not offered.

A model is a folder as diffusers saves it, or one file. Either was made by a stranger: whatever
is in it, the answer is a model or a fault of this model, and never an error of Flipbook.
"""

import logging
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from jobs.request import ModelDefaults, ModelInfo, ProviderName, Scheduler
from providers.local.library.families import SD15_WIDTH, Family, MotionKind
from providers.local.library.folder import Body, Card, check_folder, check_limits, read_card
from providers.local.library.headers import read_header
from providers.local.library.motion import Motion
from providers.local.library.recognition import recognise
from providers.local.library.registry import Item
from providers.local.library.vocabulary import words_in
from providers.local.library.weights import BrokenFileError, Fingerprint, fingerprint

logger = logging.getLogger(__name__)

LONGEST_FAULT = 200  # characters of it that are shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What is known of a model beside its own files.

    Attributes:
        item: What was registered.
        motion: The motion module for it, if it has none of its own.
    """

    item: Item | None = None
    motion: Motion | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is known of one model.

    Attributes:
        place: Its folder or file.
        mark: Changes whenever a file of its own does.
        info: What may be asked of it; None where it is not offered.
        fault: Why it is not offered.
        lacks_motion: That it has no motion module is all that is wrong with it.
        weights: Its files of weights, those of the motion module last.
        motion: The motion module it is used with, if that is not its own.
        checker: Its safety checker, if it has one.
        width: Of the tokens that its UNet and its embeddings have; 0 if unknown.
        scheduler: What its requests get that name none; None is its own config's.
        beside: What it was examined with.
    """

    place: Path
    mark: Fingerprint
    info: ModelInfo | None = None
    fault: str = ""
    lacks_motion: bool = False
    weights: tuple[Path, ...] = ()
    motion: Motion | None = None
    checker: Path | None = None
    width: int = 0
    scheduler: Scheduler | None = None
    beside: Beside = field(default_factory=Beside)

    @property
    def id(self) -> str:
        """What requests call it."""
        return id_of(self.place)

    @property
    def is_lcm(self) -> bool:
        """It was made for few steps with the LCM scheduler, as far as names tell."""
        has_lcm_motion = self.motion is not None and self.motion.kind is MotionKind.LCM
        return has_lcm_motion or "lcm" in self.id.lower() or self.scheduler is Scheduler.LCM

    @property
    def sentence(self) -> str:
        """The fault as whoever asks for the model reads it."""
        if self.lacks_motion:
            return (
                f"The model {self.id} cannot be used ({self.fault}); "
                "its operator adds one as docs/models.md says."
            )
        return (
            f"The model {self.id} is broken on this machine ({self.fault}); "
            "its operator has to add it again."
        )

    @property
    def whole_mark(self) -> Fingerprint:
        """Changes whenever a file does that its videos depend on."""
        return self.mark + (self.motion.mark if self.motion is not None else ())

    def is_as_it_was(self) -> bool:
        """Tell whether no file has changed.

        Raises:
            OSError: One has gone.
        """
        motion = self.motion
        if motion is not None and fingerprint(motion.place) != motion.mark:
            return False
        return fingerprint(self.place) == self.mark

    def with_hash(self, digest: str) -> Self:
        """Return a copy that knows the sha256 over its weights."""
        if self.info is None or self.info.hash == digest:
            return self
        return replace(self, info=self.info.model_copy(update={"hash": digest}))


class NoMotionError(BrokenFileError):
    """A model is whole, and there is no motion module for it."""


def id_of(place: Path) -> str:
    """Return the id that a folder or file has by its name."""
    return place.name.removesuffix(".safetensors")


def examine(place: Path, mark: Fingerprint, beside: Beside | None = None) -> Entry:
    """Check a model; a fault is logged, once for each state of the model."""
    name, lacks_motion = id_of(place), False
    try:
        return _entry_of(place, mark, beside or Beside())
    except BrokenFileError as error:
        fault = "".join(c if c.isprintable() else "?" for c in str(error))[:LONGEST_FAULT]
        lacks_motion = isinstance(error, NoMotionError)
    except Exception:  # the outer edge of one model: the others must not suffer from it
        logger.exception("The model %s cannot be examined", name)
        fault = "its files cannot be read"
    logger.warning("The model %s is not offered: %s", name, fault, extra={"action": "model_broken"})
    known = beside or Beside()
    return Entry(place=place, mark=mark, fault=fault, lacks_motion=lacks_motion, beside=known)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a model's card says once everything is known."""

    card: Card
    scheduler: Scheduler | None


def _entry_of(place: Path, mark: Fingerprint, beside: Beside) -> Entry:
    if place.is_dir():
        body, card = check_folder(place), read_card(place)
    else:
        body, card = _check_file(place), Card()
    motion = None if body.has_motion else _motion_for(body, beside)
    offer = offer_of(card, beside.item, motion)
    check_limits(offer.card)
    return Entry(
        place=place,
        mark=mark,
        info=_info(id_of(place), offer, has_checker=body.checker is not None),
        weights=(*body.weights, *((motion.weights,) if motion else ())),
        motion=motion,
        checker=body.checker,
        width=body.width,
        scheduler=offer.scheduler,
        beside=beside,
    )


def _info(name: str, offer: Offer, *, has_checker: bool) -> ModelInfo:
    card = offer.card
    return ModelInfo(
        id=name,
        provider=ProviderName.LOCAL,
        title=card.title or name,
        defaults=card.defaults,
        min_side=card.min_side,
        max_side=card.max_side,
        scheduler=offer.scheduler,
        trigger_words=card.trigger_words,
        note=card.note,
        is_age_restricted=card.age_restricted,
        has_safety_checker=has_checker,
        words=frozenset(part for word in card.words for part in words_in(word)),
    )


def _motion_for(body: Body, beside: Beside) -> Motion:
    """Return the motion module for a model that has none.

    Raises:
        BrokenFileError: There is none, or none fits.
    """
    if body.width != SD15_WIDTH:
        raise BrokenFileError("it is not of Stable Diffusion 1.5, and has no motion_adapter")
    wanted = beside.item.motion if beside.item else None
    if beside.motion is None:
        what = f"the motion module {wanted} is" if wanted else "a motion module is"
        raise NoMotionError(f"{what} missing")
    if beside.motion.fault:
        raise NoMotionError(f"the motion module {beside.motion.id} is broken")
    return beside.motion


def _check_file(path: Path) -> Body:
    found = recognise(read_header(path, path.name), path.name)
    if found.family is not Family.CHECKPOINT:
        raise BrokenFileError(f"{path.name} is no checkpoint ({found.family.value})")
    return Body(weights=(path,), width=found.width or 0, has_motion=False)


def offer_of(card: Card, item: Item | None, motion: Motion | None) -> Offer:
    """Put together what is known: the operator's word, then the card's, then the motion module's.

    Only what `flipbook.json` really says counts before the motion module: a distilled one is
    useless at the 25 steps of Stable Diffusion 1.5.
    """
    registered = item.defaults.model_dump(exclude_none=True) if item else {}
    scheduler = registered.pop("scheduler", None)
    habits = motion.habits if motion else None
    distilled = {"steps": habits.steps, "guidance_scale": habits.guidance_scale} if habits else {}
    told = {name: getattr(card.defaults, name) for name in card.defaults.model_fields_set}
    known = {name: value for name, value in distilled.items() if value is not None}
    changes: dict[str, object] = {
        "defaults": ModelDefaults.model_validate({**known, **told, **registered})
    }
    for name in ("title", "trigger_words", "note", "min_side", "max_side"):
        if item is not None and getattr(item, name):
            changes[name] = getattr(item, name)
    if item is not None and item.age_restricted is not None:
        changes["age_restricted"] = item.age_restricted
    return Offer(
        card=card.model_copy(update=changes),
        scheduler=scheduler or (habits.scheduler if habits else None),
    )
