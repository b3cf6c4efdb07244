"""The words and small pictures that cards, results and lists share."""

from cogs.text import code, cut, safe
from jobs.model import Job, Standing
from jobs.prices import write_price
from jobs.prompts import write_prompt
from jobs.quota.books import Settlement, settlement_of
from jobs.request import ModelInfo, ProviderName, Scheduler
from jobs.states import JobState

BAR_CELLS = 12
MAX_SETTINGS_CHARS = 600
MAX_NOTE_CHARS = 200


def bar(fraction: float, cells: int = BAR_CELLS) -> str:
    """Draw a fraction of 0 to 1 as a bar with its percentage, rounded down."""
    full = int(fraction * cells)
    return f"{'▰' * full}{'▱' * (cells - full)} {int(fraction * 100)} %"


def duration(seconds: float) -> str:
    """Say how long something takes, no more exactly than an estimate deserves."""
    if seconds < 60:
        return f"about {max(5, round(seconds / 5) * 5)} s"
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    return f"about {minutes} min" if not hours else f"about {hours} h {rest} min"


def eta_words(standing: Standing) -> str:
    """Say when a video is ready, as a range if the slow pace differs in these words."""
    usual = duration(standing.eta_s or 0)
    slow = duration(max(standing.eta_s or 0, standing.slow_eta_s or 0)).removeprefix("about ")
    number, unit = usual.removeprefix("about ").split(" ", 1)
    slow_number, slow_unit = slow.split(" ", 1)
    if unit != slow_unit or "h" in unit:
        return usual if usual == f"about {slow}" else f"{usual} to {slow}"
    return usual if number == slow_number else f"about {number}\u2013{slow_number} {unit}"


def measured(seconds: float) -> str:
    """Say how long something took."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def settings_line(job: Job) -> str:
    """Say with what a video is made, most wanted first; once it is made, what was really used."""
    parts = [
        f"seed `{used_seed(job)}`",
        code(used_model(job), 60),
        f"{used(job, 'width')}\u00d7{used(job, 'height')}",
        f"{used(job, 'frames')} frames at {used(job, 'fps')} fps",
        f"{used(job, 'steps')} steps",
        f"guidance {used(job, 'guidance_scale')}",
        used(job, "scheduler").removesuffix("Scheduler"),
        price_words(job),
        *option_parts(job),
    ]
    return cut(" · ".join(part for part in parts if part), MAX_SETTINGS_CHARS)


def price_words(job: Job) -> str:
    """Say what a video costs the one who runs the bot; nothing where no price is known."""
    if job.receipt is not None and job.receipt.price_micros:
        price = write_price(job.receipt.price_micros, job.receipt.currency)
        return price if job.receipt.price_is_actual else f"about {price}"
    return f"about {write_price(job.price_micros, job.currency)}" if job.price_micros else ""


def used_seed(job: Job) -> int:
    """Return the seed that the backend says it used, or else the one it was given."""
    told = job.receipt.effective.get("seed") if job.receipt else None
    given = job.receipt.seed if job.receipt else job.request.seed
    return told if isinstance(told, int) else given


def used_model(job: Job) -> str:
    """Return the model that the backend says it used, or else the one that was asked for."""
    told = job.receipt.effective.get("model") if job.receipt else None
    return told if isinstance(told, str) and told else job.request.model


def used(job: Job, name: str) -> str:
    """Return a setting as the backend says that it used it, or else as it was asked."""
    told = job.receipt.effective.get(name) if job.receipt else None
    value: object = getattr(job.request, name) if told is None else told
    match value:
        case None:
            return ""
        case int():
            return str(value)
        case float():
            return f"{value:g}"
        case _:
            return plain_words(str(value))


def plain_words(text: str) -> str:
    """Return a name from a backend without anything that could format or mention."""
    return cut("".join(c for c in text if c.isalnum() or c in " ._+-"), 40)


def option_parts(job: Job) -> list[str]:
    """Name the options that were set and are not of every video."""
    request = job.request
    parts = {
        f"clip skip {request.clip_skip}": request.clip_skip > 1,
        "closed loop": request.closed_loop,
        f"LoRA {', '.join(f'{code(use.id, 40)} {use.strength:g}' for use in request.loras)}": (
            request.loras
        ),
        f"embeddings {', '.join(code(name, 40) for name in request.embeddings)}": (
            request.embeddings
        ),
        "from an image": request.image,
    }
    return [text for text, is_set in parts.items() if is_set]


def note_of(model: ModelInfo, limit: int = MAX_NOTE_CHARS) -> str:
    """Return what a model has to say about itself; only that of our own may be formatted."""
    if not model.note or model.provider is ProviderName.LOCAL:
        return cut(model.note, limit)
    return safe(model.note, limit)


def scheduler_name(scheduler: Scheduler) -> str:
    """Shorten a scheduler's name to what people call it."""
    return scheduler.value.removesuffix("Scheduler")


def prompt_of(job: Job) -> str:
    """Return the prompt as it was asked, parts and all."""
    return write_prompt(job.asked.segments)


def used_prompt(job: Job) -> str | None:
    """Return the prompt that the backend really used, if it is another one than was asked."""
    used = job.receipt.effective.get("prompt") if job.receipt else None
    is_other = isinstance(used, str) and used != write_prompt(job.request.segments)
    return str(used) if is_other else None


def cost_line(job: Job) -> str:
    """Say whether an ended job counts, as the books will have it."""
    if settlement_of(job) in (Settlement.RELEASE, None):
        return "It cost nothing."
    is_decided = job.state is JobState.FAILED  # nothing else lets a failed one count
    reason = "a moderator decided so" if is_decided else "its rendering had begun"
    return f"It counts, because {reason}."


def message_link(job: Job, message_id: int) -> str:
    """Return the address of a message in the job's channel."""
    place = f"{job.requester.guild_id}/{job.address.channel_id}"
    return f"https://discord.com/channels/{place}/{message_id}"
