"""What `/mod jobs`, `/mod block` and `/mod audit` show: pure functions to Components V2."""

from collections.abc import Mapping, Sequence

from discord.ui import Button, LayoutView

from cogs.cards import GOOD, ODD, WORKING, page
from cogs.pages import by_place, queue_line
from cogs.text import safe
from cogs.wording import prompt_of
from jobs.model import Job, JobId, Standing
from jobs.moderation.acts import PastAct, actor_words, sentence_of
from jobs.moderation.blocking import Blocked
from jobs.moderation.decisions import Decision
from jobs.moderation.guilds import Block
from jobs.states import JobState

MAX_LINES = 10  # of each kind; a line has up to 150 characters, a message 4,000
MAX_BLOCKS = 12  # a block has up to 300
MAX_AUDIT_CHARS = 3600

DECISIONS = """-# They were sent once and are not sent again by themselves. If the provider's own \
list of jobs shows that it made one, **charge** it; if not, **release** it, or **retry** it."""
STOPPING = (
    "-# `/mod jobs cancel` stops one video, all that wait of a member, or all that wait here."
)


def jobs_page(
    jobs: Sequence[Job],
    standings: Mapping[JobId, Standing],
    waiting: Mapping[int, int],
    *,
    user_id: int | None = None,
) -> LayoutView:
    """Return a server's open jobs; those that need a decision come first.

    Args:
        jobs: Open ones of the server, or of one member.
        standings: The places of those that are shown.
        waiting: How many videos of whom wait in the server, most first.
        user_id: The member, if the page is about one.
    """
    whose = "Videos here" if user_id is None else f"Videos of <@{user_id}>"
    if not jobs:
        return page(GOOD, [f"### {whose}", "None is waiting or being made."])
    undecided, others = _parted(jobs)
    lines = [f"### {whose}"]
    if undecided:
        shown = [unconfirmed_line(job) for job in undecided[:MAX_LINES]]
        lines += ["**These need a decision**", "\n".join([*shown, *_rest(undecided)]), DECISIONS]
    if others:
        first = by_place(others[:MAX_LINES], standings)
        shown = [queue_line(job, standings.get(job.id), 0) for job in first]
        lines += [
            "**Waiting and being made**",
            "\n".join(shown),
            *_sum_line(others, waiting, user_id),
        ]
    return page(ODD if undecided else WORKING, [*lines, STOPPING])


def shown_of(jobs: Sequence[Job]) -> Sequence[Job]:
    """Return the jobs whose places `jobs_page` shows."""
    return _parted(jobs)[1][:MAX_LINES]


def _parted(jobs: Sequence[Job]) -> tuple[Sequence[Job], Sequence[Job]]:
    undecided = [job for job in jobs if job.state is JobState.UNCONFIRMED]
    return undecided, [job for job in jobs if job.state is not JobState.UNCONFIRMED]


def _rest(jobs: Sequence[Job]) -> list[str]:
    return [f"-# and {len(jobs) - MAX_LINES} more"] if len(jobs) > MAX_LINES else []


def _sum_line(jobs: Sequence[Job], waiting: Mapping[int, int], user_id: int | None) -> list[str]:
    """Say who has how many in the queue, if that is more than can be shown."""
    if len(jobs) <= MAX_LINES:
        return []
    counted = waiting if user_id is None else {user_id: waiting.get(user_id, 0)}
    most = [f"<@{member}> {count:,}" for member, count in list(counted.items())[:5]]
    return [f"-# {sum(counted.values()):,} wait in all: {' · '.join(most)}"]


def unconfirmed_line(job: Job) -> str:
    """Return one unconfirmed job on one line."""
    asked = f"asked <t:{int(job.created_at.timestamp())}:R> by <@{job.requester.user_id}>"
    return f"`{job.id}` {job.backend} · {asked} · {safe(prompt_of(job), 60)}"


def decision_sentence(job: Job, decision: Decision) -> str:
    """Say what a decision did."""
    match decision:
        case Decision.RELEASE:
            return f"Job {job.id} has ended, and costs its member nothing."
        case Decision.CHARGE:
            return f"Job {job.id} has ended, and counts."
        case Decision.RETRY:
            return f"Job {job.id} is in the queue again, for one more try."


def cleared_sentence(jobs: Sequence[Job], user_id: int | None, *, is_running: bool) -> str:
    """Say what became of many jobs at once."""
    whose = "here" if user_id is None else f"of <@{user_id}>"
    ended = sum(job.state is JobState.CANCELLED for job in jobs)
    stopping = len(jobs) - ended
    parts: list[str] = []
    if ended:
        parts.append(
            f"{_videos(ended)} {whose} {'is' if ended == 1 else 'are'} cancelled at no cost."
        )
    if stopping:
        parts.append(f"{_videos(stopping)} being made {whose} will stop within a moment.")
    if not jobs:
        parts.append(f"No video {whose} waits{' or is being made' if is_running else ''}.")
    if not is_running:
        parts.append("What is being made goes on, unless you add `running: True`.")
    return " ".join(parts)


def _videos(count: int) -> str:
    return "1 video" if count == 1 else f"{count:,} videos"


def blocked_sentence(blocked: Blocked) -> str:
    """Say that a member is blocked, until when, and what of theirs still goes on."""
    block = blocked.block
    said = f"<@{block.user_id}> may make no videos here{_until(block)}, and is told why."
    if not blocked.waiting:
        return said
    ends = "it" if blocked.waiting == 1 else "them"
    waits = "waits" if blocked.waiting == 1 else "wait"
    return (
        f"{said} {_videos(blocked.waiting)} of theirs still {waits}: "
        f"`/mod jobs cancel` with `member` ends {ends}."
    )


def _until(block: Block) -> str:
    if block.expires_at is None:
        return ""
    at = int(block.expires_at.timestamp())
    return f" until <t:{at}:f> (<t:{at}:R>)"


def blocks_page(blocks: Sequence[Block]) -> LayoutView:
    """Return whom a server keeps out, why and until when."""
    if not blocks:
        return page(GOOD, ["### Blocked members", "Nobody is blocked here."])
    lines = [block_line(block) for block in blocks[:MAX_BLOCKS]]
    if len(blocks) > MAX_BLOCKS:
        lines.append(f"-# and {len(blocks) - MAX_BLOCKS} more")
    return page(WORKING, ["### Blocked members", "\n".join(lines)])


def block_line(block: Block) -> str:
    """Return one block on two lines."""
    since = f"<t:{int(block.created_at.timestamp())}:R> by {actor_words(block.by_user_id)}"
    until = _until(block) or " for good"
    return f"<@{block.user_id}>{until}: {safe(block.reason, 150)}\n-# blocked {since}"


def audit_page(acts: Sequence[PastAct], older: Button[LayoutView] | None = None) -> LayoutView:
    """Return what moderators did, newest first; `older` leads to what came before."""
    if not acts:
        return page(WORKING, ["### Audit", "No act of a moderator matches."])
    lines = "\n".join(audit_line(past) for past in acts)
    return page(WORKING, ["### Audit", lines], [older] if older else [])


def fitting(acts: Sequence[PastAct]) -> Sequence[PastAct]:
    """Return the first acts, as many as a page has room for."""
    room, shown = MAX_AUDIT_CHARS, list[PastAct]()
    for past in acts:
        room -= len(audit_line(past)) + 1
        if room < 0:
            break
        shown.append(past)
    return shown


def audit_line(past: PastAct) -> str:
    """Return one act on two lines: who did what, then when."""
    at = int(past.act.at.timestamp())
    return f"{sentence_of(past)}\n-# #{past.number} · <t:{at}:f> (<t:{at}:R>)"
