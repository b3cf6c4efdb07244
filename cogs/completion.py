"""Completes what a member types in an option, from memory.

Discord waits three seconds, shows 25 choices, and takes at most 100 characters for a name or
a value; with those limits in one place no autocomplete can answer too much.
"""

from collections.abc import Iterable, Sequence

from discord.app_commands import Choice

from cogs.text import cut, plain
from cogs.wording import prompt_of
from jobs.model import Job
from jobs.ports import Catalogue, Provider
from jobs.request import ModelInfo

MAX_CHOICES = 25
MAX_CHARS = 100


def complete_models(
    catalogue: Catalogue, current: str, provider: str | None = None
) -> list[Choice[str]]:
    """Return the models whose id or title contains what was typed."""
    models = [model for one in chosen(catalogue, provider) for model in one.models()]
    found = [model for model in models if contains(f"{model.id} {model.title}", current)]
    return as_choices((model_label(model), model.id) for model in found)


def complete_providers(catalogue: Catalogue, current: str) -> list[Choice[str]]:
    """Return the providers that are on and whose name contains what was typed."""
    named = ((one.name.heading, one.name.value) for one in catalogue.providers())
    return as_choices(pair for pair in named if contains(" ".join(pair), current))


def complete_loras(
    catalogue: Catalogue, current: str, provider: str | None = None
) -> list[Choice[str]]:
    """Complete the last of `id:strength, id`; the strength is left to the member."""
    return complete_last(unique(one.loras() for one in chosen(catalogue, provider)), current)


def complete_embeddings(
    catalogue: Catalogue, current: str, provider: str | None = None
) -> list[Choice[str]]:
    """Complete the last of `id, id`."""
    return complete_last(unique(one.embeddings() for one in chosen(catalogue, provider)), current)


def complete_jobs(jobs: Sequence[Job], current: str) -> list[Choice[str]]:
    """Return the jobs whose id or prompt contains what was typed."""
    labels = ((f"{job.id} · {job.state} · {plain(prompt_of(job))}", job.id) for job in jobs)
    return as_choices(pair for pair in labels if contains(pair[0], current))


def complete_last(names: Sequence[str], current: str) -> list[Choice[str]]:
    """Complete the last item of a comma-separated list and keep the earlier ones."""
    head, _, last = current.rpartition(",")
    earlier = [item.strip() for item in head.split(",") if item.strip()]
    taken = {item.partition(":")[0].strip() for item in earlier}
    if ":" in last:
        return as_choices([(current.strip(), current.strip())])
    found = [name for name in names if name not in taken and contains(name, last)]
    whole = [", ".join([*earlier, name]) for name in found]
    return as_choices((value, value) for value in whole)


def as_choices(pairs: Iterable[tuple[str, str]]) -> list[Choice[str]]:
    """Return the first 25 names and values; a value that is too long cannot be a choice."""
    fitting = [pair for pair in pairs if 1 <= len(pair[1]) <= MAX_CHARS]
    return [Choice(name=cut(name, MAX_CHARS), value=value) for name, value in fitting[:MAX_CHOICES]]


def model_label(model: ModelInfo) -> str:
    """Return a model as it stands in a list of choices."""
    return f"{model.title} · {model.id} · {model.provider}"


def chosen(catalogue: Catalogue, provider: str | None) -> list[Provider]:
    """Return the backends that are meant: the picked one, or all."""
    return [one for one in catalogue.providers() if provider in (None, one.name.value)]


def unique(lists: Iterable[Sequence[str]]) -> list[str]:
    """Return the names of all lists, each once, in order."""
    return list(dict.fromkeys(name for names in lists for name in names))


def contains(text: str, part: str) -> bool:
    """Say whether a part occurs in a text, whatever the case."""
    return part.strip().casefold() in text.casefold()
