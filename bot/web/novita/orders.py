"""Turns what was asked at the Novita door into a request of Flipbook's own.

Everything here is pure. What is left out takes that document's defaults, and where the document
is silent (the guidance, the frames per second) those of the model.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from bot.web.novita.bodies import Lora, Submit
from jobs.model import ApiAddress
from jobs.request import LoraUse, ModelInfo, Segment, VideoFormat, VideoRequest
from jobs.sizes import nearest_size

PROTOCOL = "novita"
ANY_SEED = -1  # the documented default
NO_CLIP_SKIP = 1
# Novita's names are those of files; an id here has no such end.
ENDINGS = (".safetensors", ".pt", ".ckpt", ".bin")

Resolve = Callable[[str], str]
"""Gives the id that the operator set for a name, or the name itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """What there is to be named.

    Attributes:
        models: Those that can be rendered.
        loras: Ids.
        embeddings: Ids.
        resolve: Knows the names that the operator gave to ids.
    """

    models: Sequence[ModelInfo]
    loras: Collection[str]
    embeddings: Collection[str]
    resolve: Resolve

    def model(self, name: str) -> tuple[str, ModelInfo | None]:
        """Return the id that is meant by a model's name, and the model if it is there."""
        known = {model.id: model for model in self.models}
        found = self._find(name, known)
        if found is None or found == name:  # the operator may have another meaning for an id
            found = self.resolve(name)
        return found, known.get(found)

    def lora(self, name: str) -> str:
        """Return the id that is meant; a name that nobody knows is refused later, by itself."""
        return self._addition(name, self.loras)

    def embedding(self, name: str) -> str:
        """Return the id that is meant, in the same way."""
        return self._addition(name, self.embeddings)

    def _addition(self, name: str, known: Collection[str]) -> str:
        """Find an addition; the name that catches all the rest is one of models only."""
        found = self._find(name, known)
        if found is not None:
            return found
        resolved = self.resolve(name)
        return resolved if resolved in known else name

    def _find(self, name: str, known: Collection[str]) -> str | None:
        """Return the id that is written like a name, which may end as a file's."""
        stems = [name.removesuffix(ending) for ending in ENDINGS if name.endswith(ending)]
        return next((one for one in (name, *stems) if one in known), None)


def request_of(submit: Submit, shelf: Shelf) -> VideoRequest:
    """Return the request, at the size of its shape that the model can do."""
    model_id, model = shelf.model(submit.model_name)
    width, height = submit.width, submit.height
    if model is not None:
        width, height = nearest_size(model, width, height)
    return VideoRequest(
        segments=tuple(Segment(prompt=part.prompt, frames=part.frames) for part in submit.prompts),
        format=VideoFormat(submit.video_type.value),
        negative_prompt=submit.negative_prompt or "",
        model=model_id,
        width=width,
        height=height,
        steps=submit.steps,
        guidance_scale=submit.guidance_scale,
        seed=ANY_SEED if submit.seed is None else submit.seed,
        clip_skip=submit.clip_skip or NO_CLIP_SKIP,
        closed_loop=bool(submit.closed_loop),
        loras=tuple(_lora_use(lora, shelf) for lora in submit.loras or ()),
        embeddings=tuple(shelf.embedding(one.model_name) for one in submit.embeddings or ()),
    )


def address_of(submit: Submit, *, base: str) -> ApiAddress:
    """Return what the answers about a task will need.

    Args:
        submit: What was asked.
        base: What links begin with.
    """
    return ApiAddress(
        protocol=PROTOCOL,
        echo={"model_name": submit.model_name},
        webhook=None if submit.webhook is None else submit.webhook.url,
        width=submit.width,
        height=submit.height,
        base=base,
    )


def _lora_use(lora: Lora, shelf: Shelf) -> LoraUse:
    strength = 1.0 if lora.strength is None else lora.strength
    return LoraUse(id=shelf.lora(lora.model_name), strength=strength)
