"""`GET /v3/model`: what can be named in a submit, with that route's filters and pages.

Source: https://novita.ai/docs/api-reference/model-apis-get-model. Each of Novita's clients spells
the query in its own way (`filter.types`, `filter.type`, `filter[types]`); all are understood.
"""

import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from bot.web.problems import Problem, ProblemKind
from jobs.request import ModelInfo

MAX_PAGE = 100  # "pagination.limit: Range (0, 100]"
PAGE = 20
READY = 1
BASE_MODEL = "SD 1.5"  # what txt2video takes; clients look for it
SOURCE = "uploading"  # documented: civitai, training, uploading
PUBLIC = "public"  # every key may use all of them
HASH_CHARS = 10  # as in the documented example

_CURSOR = re.compile(r"c_([0-9]{1,9})")  # the official client makes them itself
_LIMIT = re.compile(r"[0-9]{1,6}")


class Kind(StrEnum):
    """The kinds that there are here, in the words of `filter.types`."""

    CHECKPOINT = "checkpoint"
    LORA = "lora"
    EMBEDDING = "textualinversion"

    @property
    def label(self) -> str:
        """What people call it."""
        match self:
            case Kind.CHECKPOINT:
                return "Checkpoint"
            case Kind.LORA:
                return "LoRA"
            case Kind.EMBEDDING:
                return "Textual Inversion"


class ModelType(BaseModel, frozen=True):
    """The kind of a model."""

    name: Kind
    display_name: str


class Model(BaseModel, frozen=True):
    """One model of any kind; both names are those of a submit."""

    model_config = ConfigDict(protected_namespaces=())

    id: int
    name: str
    hash_sha256: str = ""
    sd_name: str
    type: ModelType
    categories: list[str] = []
    status: int = READY
    tags: list[str] = []
    cover_url: str = ""
    base_model: str = BASE_MODEL
    base_model_type: str = "Standard"
    source: str = SOURCE
    download_url_ttl: int = 0
    sd_name_in_api: str
    is_sdxl: bool = False


class Pagination(BaseModel, frozen=True):
    """Where the next page begins; empty at the end."""

    next_cursor: str = ""


class ModelPage(BaseModel, frozen=True):
    """The answer of `GET /v3/model`."""

    models: list[Model]
    pagination: Pagination = Pagination()


def everything(
    models: Sequence[ModelInfo], loras: Iterable[str], embeddings: Iterable[str]
) -> list[Model]:
    """Return all that can be named, the default model first."""
    return [
        *(_checkpoint(model) for model in models),
        *(_model(name, Kind.LORA) for name in loras),
        *(_model(name, Kind.EMBEDDING) for name in embeddings),
    ]


def page_of(models: Sequence[Model], query: Mapping[str, str]) -> ModelPage:
    """Return the asked page of the models that are asked for.

    Raises:
        Problem: A limit or a cursor that makes no sense.
    """
    limit, start = _limit(_value(query, "pagination", "limit")), _start(query)
    found = [model for model in models if _is_wanted(model, query)]
    more = f"c_{start + limit}" if start + limit < len(found) else ""
    return ModelPage(models=found[start : start + limit], pagination=Pagination(next_cursor=more))


def _checkpoint(model: ModelInfo) -> Model:
    short_hash = model.hash[:HASH_CHARS].upper()
    return _model(model.id, Kind.CHECKPOINT, title=model.title, short_hash=short_hash)


def _model(name: str, kind: Kind, *, title: str = "", short_hash: str = "") -> Model:
    return Model(
        id=zlib.crc32(f"{kind}:{name}".encode()),  # the same at every start
        name=title or name,
        hash_sha256=short_hash,
        sd_name=name,
        type=ModelType(name=kind, display_name=kind.label),
        sd_name_in_api=name,
    )


def _is_wanted(model: Model, query: Mapping[str, str]) -> bool:
    types = {
        *_value(query, "filter", "types").split(","),
        *_value(query, "filter", "type").split(","),
    }
    return all(_conditions(model, query, types - {""}))


def _conditions(model: Model, query: Mapping[str, str], types: set[str]) -> Iterator[bool]:
    words = _value(query, "filter", "query").casefold()
    yield not types or model.type.name in types
    yield words in model.name.casefold() or words in model.sd_name.casefold()
    yield _value(query, "filter", "visibility") in ("", PUBLIC)
    yield _value(query, "filter", "source") in ("", model.source)
    for name in ("is_sdxl", "is_inpainting"):  # nothing here is either
        yield _value(query, "filter", name).casefold() != "true"


def _value(query: Mapping[str, str], group: str, name: str) -> str:
    return query.get(f"{group}.{name}") or query.get(f"{group}[{name}]") or ""


def _limit(text: str) -> int:
    limit = PAGE if not text else int(text) if _LIMIT.fullmatch(text) else 0
    if not 0 < limit <= MAX_PAGE:
        message = f"`pagination.limit` is a number from 1 to {MAX_PAGE}."
        raise Problem(ProblemKind.BAD_REQUEST, message, field="pagination.limit")
    return limit


def _start(query: Mapping[str, str]) -> int:
    cursor = _value(query, "pagination", "cursor")
    match = _CURSOR.fullmatch(cursor or "c_0")
    if match is None:
        message = "`pagination.cursor` is none that was given here."
        raise Problem(ProblemKind.BAD_REQUEST, message, field="pagination.cursor")
    return int(match[1])
