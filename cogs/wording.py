"""The words and small pictures that cards, results and lists share."""

from cogs.text import code, cut
from jobs.model import Job
from jobs.prompts import write_prompt
from jobs.quota import Settlement, settlement_of
from jobs.request import Scheduler

BAR_CELLS = 12
MAX_SETTINGS_CHARS = 600


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


def measured(seconds: float) -> str:
    """Say how long something took."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def settings_line(job: Job) -> str:
    """Say with what a video is made, most wanted first; once it is made, what was really used."""
    parts = [
        f"seed `{job.receipt.seed if job.receipt else job.request.seed}`",
        code(job.request.model, 60),
        f"{used(job, 'width')}\u00d7{used(job, 'height')}",
        f"{used(job, 'frames')} frames at {used(job, 'fps')} fps",
        f"{used(job, 'steps')} steps",
        f"guidance {used(job, 'guidance_scale')}",
        used(job, "scheduler").removesuffix("Scheduler"),
        *option_parts(job),
    ]
    return cut(" · ".join(part for part in parts if part), MAX_SETTINGS_CHARS)


def used(job: Job, name: str) -> str:
    """Return a setting as the backend says that it used it, or else as it was asked."""
    told = job.receipt.effective.get(name) if job.receipt else None
    value: object = getattr(job.request, name) if told is None else told
    match value:
        case None:
            return ""
        case int() | float():
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


def scheduler_name(scheduler: Scheduler) -> str:
    """Shorten a scheduler's name to what people call it."""
    return scheduler.value.removesuffix("Scheduler")


def prompt_of(job: Job) -> str:
    """Return the prompt as it was asked, parts and all."""
    return write_prompt(job.asked.segments)


def used_prompt(job: Job) -> str | None:
    """Return the prompt that the backend really used, if it was asked to enhance it."""
    used = job.receipt.effective.get("prompt") if job.receipt else None
    is_other = isinstance(used, str) and used != write_prompt(job.request.segments)
    return str(used) if job.request.enhance_prompt and is_other else None


def cost_line(job: Job) -> str:
    """Say whether an ended job counts, as the books will have it."""
    is_free = settlement_of(job) in (Settlement.RELEASE, None)
    return "It cost nothing." if is_free else "It counts, because its rendering had begun."


def message_link(job: Job, message_id: int) -> str:
    """Return the address of a message in the job's channel."""
    place = f"{job.requester.guild_id}/{job.address.channel_id}"
    return f"https://discord.com/channels/{place}/{message_id}"
