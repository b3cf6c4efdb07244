"""What `/models` shows: every backend with a fair share of its models, however many it has.

A hosted provider can list thousands. A page shows a few of each backend and says how many more
there are; a search narrows them down, which is also the way to a model's trigger words.
"""

from collections.abc import Sequence

from discord.ui import LayoutView

from cogs.cards import ODD, WORKING, page
from cogs.text import code, cut, safe
from cogs.wording import note_of
from jobs.model import HealthState
from jobs.ports import Provider
from jobs.request import ModelInfo

MAX_MODELS = 12
MAX_PAGE_UNITS = 3500  # UTF-16 units; of Discord's 4000


def models_page(providers: Sequence[Provider], search: str = "") -> LayoutView:
    """Return what can render here, the default backend first; `search` narrows it down."""
    found = [(one, [m for m in one.models() if matches(m, search)]) for one in providers]
    if not any(one.models() or one.health.reason for one in providers):
        return page(ODD, ["### Models", "No model can be used here; its operator has to act."])
    title = f"### Models with {safe(search, 60)}" if search.strip() else "### Models"
    share = max(1, MAX_MODELS // len(found))
    room = MAX_PAGE_UNITS // len(found)
    sections = [_section(one, models, share, room) for one, models in found]
    if search.strip() and not any(models for _, models in found):
        sections = ["There is none; `/models` without a search tells about all."]
    return page(WORKING, [title, *sections])


def matches(model: ModelInfo, search: str) -> bool:
    """Say whether every searched word stands somewhere in what is known about a model."""
    told = " ".join([model.id, model.title, model.provider, *model.trigger_words]).casefold()
    return all(word in told for word in search.casefold().split())


def model_text(model: ModelInfo) -> str:
    """Return one model with its defaults, sizes, trigger words and note."""
    d = model.defaults
    lines = [
        f"**{safe(model.title, 80)}** {code(model.id, 80)} · {model.provider}",
        (
            f"-# {d.width}\u00d7{d.height}, {d.frames} frames at {d.fps} fps, {d.steps} steps, "
            f"guidance {d.guidance_scale:g} · sides {model.min_side} to {model.max_side}"
        ),
    ]
    if model.trigger_words:
        lines.append(f"-# say: {safe(', '.join(model.trigger_words), 200)}")
    if model.note:
        lines.append(f"-# {note_of(model, 200)}")
    return "\n".join(lines)


def _section(provider: Provider, models: Sequence[ModelInfo], share: int, room: int) -> str:
    """Return one backend: how it is, if it is not well, and as many models as fit."""
    lines: list[str] = []
    if provider.health.state is not HealthState.OK:
        title = provider.name.heading
        lines.append(f"⚠️ {cut(provider.health.reason or f'{title} cannot be used now.', 200)}")
    for number, model in enumerate(models):
        text = model_text(model)
        if number == share or _units("\n".join([*lines, text])) > room - 100:
            more = f"and {len(models) - number} more at {provider.name}"
            lines.append(f"-# {more}: narrow them down with `/models search:`")
            break
        lines.append(text)
    return "\n".join(lines) or f"-# none at {provider.name}"


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
