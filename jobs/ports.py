"""What the subject needs from the outside, as protocols.

Storage, providers, cogs and the HTTP front door implement these; `bot.app` brings them
together. Nobody but the runner sees more than one of them.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Protocol

from jobs.acts import Act, ActKind, PastAct
from jobs.cases import Case, CaseState, Draft, Verdict
from jobs.fairness import LaneDrift
from jobs.guilds import Block, GuildSettings, News
from jobs.keys import ApiKey
from jobs.model import (
    Artifact,
    Failure,
    Health,
    Job,
    JobId,
    Letter,
    MediaInfo,
    Origin,
    Outcome,
    Progress,
    Receipt,
    Requester,
    Standing,
    Submission,
)
from jobs.policy import PolicyRule
from jobs.quota import Bonus, Drift, Settlement, Unit
from jobs.records import AccountRecord, Erasure, Holdings, JobRecord, Remains, Whose
from jobs.request import ModelInfo, ProviderName, ResolvedRequest
from jobs.statements import Entry, Statement, Terms
from jobs.tiers import Rule, Setting, Target
from jobs.usage import DayOfUse, JobRow, Usage


class Clock(Protocol):
    """The only source of time and the only way to wait."""

    def now(self) -> datetime:
        """Return the time, aware and in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; a fake clock decides when that is over."""
        ...


class JobStore(Protocol):
    """The table of jobs, their events and the ledger that is written with them.

    Every method is one transaction. A write is fenced by the attempt of the job it was
    given and raises `StaleAttemptError` if the row has moved on.
    """

    async def enqueue(self, job: Job, *, news: str = "") -> tuple[Job, bool]:
        """Insert a job and reserve what it costs; a known origin key gives the old job and False.

        What its member may do is looked up, checked and charged in the same transaction, so two
        asks at once never share the last unit, and a limit set a moment ago counts. `news` go to
        its server's log channel with it. A held job reserves what it costs and stands in no line.

        Raises:
            NotAllowedError: The member is blocked, or asks for more at a time than they may.
            QuotaExceededError: An allowance has no room; nothing is written.
        """
        ...

    async def get(self, job_id: JobId) -> Job:
        """Return one job.

        Raises:
            NotFoundError: There is none of that id.
        """
        ...

    async def asked_as(self, origin: Origin, origin_key: str) -> Job | None:
        """Return the job of an origin key; None if nobody asked with it."""
        ...

    async def held(self, guild_id: int, *, limit: int) -> Sequence[Job]:
        """Return a server's jobs that wait for a moderator, oldest first."""
        ...

    async def decide_held(
        self, job_id: JobId, *, failure: Failure | None, now: datetime, act: Act
    ) -> Job:
        """Let a held job into the queue, or end it with a failure; only one decision counts.

        Raises:
            NotFoundError: There is none of that id in the act's server.
            NotAllowedError: It is not held, or no longer.
        """
        ...

    async def end_overdue(self, *, now: datetime, failure: Failure, limit: int) -> Sequence[Job]:
        """End held jobs that nobody decided about in time, and return them."""
        ...

    async def claim(
        self, backend: str, *, token: str, now: datetime, lease_until: datetime
    ) -> Job | None:
        """Take the next due job of a backend by turns: `submitting`, an attempt higher, `token`."""
        ...

    async def adopt(self, job: Job, *, lease_until: datetime) -> Job:
        """Take over a job whose holder is gone: same state, one attempt higher."""
        ...

    async def save(
        self,
        before: Job,
        after: Job,
        *,
        now: datetime,
        settle: Settlement | None = None,
        note: Mapping[str, object] | None = None,
        act: Act | None = None,
    ) -> Job:
        """Write `after` over `before`, append the event, settle the books: all or nothing.

        A `cancel_requested` that others wrote meanwhile is kept; `note` goes into the event, and
        `act` into the audit.

        Raises:
            StaleAttemptError: The row is not at the attempt and state of `before`.
        """
        ...

    async def renew(self, job: Job, *, lease_until: datetime) -> bool:
        """Prolong the lease and say whether a cancel was requested meanwhile."""
        ...

    async def request_cancel(
        self, job_id: JobId, *, now: datetime, by: str, act: Act | None = None
    ) -> Job:
        """End a queued job at once, mark an active one; a final one stays as it is.

        `act` goes into the audit if anything changed.
        """
        ...

    async def cancel_many(  # noqa: PLR0913 - whose, which, how many, and who does it
        self,
        guild_id: int,
        *,
        user_id: int | None,
        is_running: bool,
        limit: int,
        now: datetime,
        by: str,
        act: Act,
    ) -> Sequence[Job]:
        """Cancel a server's waiting jobs, or one member's, and return them as they stand then.

        With `is_running`, also those being rendered. `act` stands for all of them.
        """
        ...

    async def orphans(self, *, now: datetime) -> Sequence[Job]:
        """Return active jobs whose lease has run out."""
        ...

    async def abandon_leases(self) -> int:
        """End every lease at once; only for a start, when nobody else can hold one."""
        ...

    async def ahead_of(self, job: Job) -> tuple[int, int]:
        """Return how many unfinished renders come before `job` at its backend, and their cost."""
        ...

    async def recount(self) -> Sequence[LaneDrift]:
        """Count the lanes anew from the jobs, repair what differs, and return it."""
        ...

    async def list_jobs(
        self, *, guild_id: int | None = None, user_id: int | None = None, is_open: bool, limit: int
    ) -> Sequence[Job]:
        """Return open jobs oldest first, or ended ones newest first."""
        ...

    async def queued_at(self, backend: str) -> Sequence[Job]:
        """Return all that waits in a backend's queue, put off or not, oldest first."""
        ...

    async def made_as(self, backend: str, provider_job_id: str) -> JobId | None:
        """Return the job that a backend made under an id of its own, if we know of one."""
        ...

    async def endpoints(self, backend: str) -> Sequence[str]:
        """Return where a backend's open jobs were submitted, each place once."""
        ...

    async def unconfirmed(self, guild_id: int, *, limit: int) -> Sequence[Job]:
        """Return a server's jobs whose paid submit was never answered, oldest first."""
        ...

    async def waiting_by_member(self, guild_id: int, *, limit: int) -> Mapping[int, int]:
        """Return how many videos of whom wait in a server, most first."""
        ...

    async def stale_cards(self, *, limit: int) -> Sequence[Job]:
        """Return ended jobs whose card was not brought to their last state yet."""
        ...

    async def mark_card(self, job: Job) -> None:
        """Note that the card of `job` shows its state."""
        ...

    async def rates(
        self, backend: str, *, limit: int = 50, like: int | None = None
    ) -> Sequence[float]:
        """Return seconds per unit of cost of the newest finished renders, sorted.

        With `like`, only of those that cost between half and double of it.
        """
        ...


class QuotaStore(Protocol):
    """The books: limits, extras, buckets and the append-only ledger.

    What changes anything takes the act that does it and writes it into the audit.
    """

    async def terms_of(self, requester: Requester, *, now: datetime) -> Terms:
        """Return what holds for a member who asks now."""
        ...

    async def statement(self, requester: Requester, *, now: datetime) -> Statement:
        """Return a member's limits with what is left of them."""
        ...

    async def history(self, requester: Requester, *, limit: int) -> Sequence[Entry]:
        """Return what moved a member's books, newest first."""
        ...

    async def rules(self, guild_id: int) -> Sequence[Rule]:
        """Return all limits that are set in a server: the server, everyone, roles, members."""
        ...

    async def set_rule(self, rule: Rule, *, act: Act) -> None:
        """Set a limit; what waits in the queue takes its turns by it from now on."""
        ...

    async def clear_rules(
        self, target: Target, setting: Setting | None, *, act: Act
    ) -> Sequence[Rule]:
        """Remove one limit of a target, or all of them; return what was there.

        Nothing goes into the audit if there was nothing.
        """
        ...

    async def grant(
        self,
        requester: Requester,
        unit: Unit,
        amount: int,
        *,
        expires_at: datetime | None,
        act: Act,
    ) -> Bonus:
        """Give a member an extra."""
        ...

    async def revoke(self, requester: Requester, *, act: Act) -> Sequence[Bonus]:
        """Take what is left of a member's extras back; return them as they were."""
        ...

    async def reset(
        self, requester: Requester, setting: Setting | None, *, act: Act
    ) -> Mapping[Unit, int]:
        """Give back what a member has used in a span, or in all spans that run now.

        What is reserved stays so, and the server's books stay as they are.

        Returns:
            What was given back, in each unit's smallest amount.
        """
        ...

    async def audit(self) -> Sequence[Drift]:
        """Compare buckets, ledger and open reservations; an empty answer is a balanced book."""
        ...


class PolicyStore(Protocol):
    """What servers' prompts may not hold."""

    async def all_rules(self) -> Sequence[PolicyRule]:
        """Return the rules of every server, oldest first."""
        ...

    async def add_rules(
        self, rules: Sequence[PolicyRule], *, act: Act, told: Mapping[str, str]
    ) -> Sequence[PolicyRule]:
        """Keep rules, each over one of the same text, and return them with their numbers.

        Args:
            rules: Of the act's server.
            act: Stands for all of them.
            told: What the audit says of them, by name, in words.
        """
        ...

    async def remove_rule(self, guild_id: int, number: int, *, act: Act) -> PolicyRule | None:
        """Remove a rule and return it; None if the server has none of that number."""
        ...


class GuildStore(Protocol):
    """What managers set for their servers, whom moderators keep out, and news for log channels."""

    async def all_settings(self) -> Sequence[GuildSettings]:
        """Return the settings of every server that has any."""
        ...

    async def save_settings(self, settings: GuildSettings, *, act: Act) -> None:
        """Write a server's settings."""
        ...

    async def block(self, block: Block, *, act: Act) -> None:
        """Keep a member out, or change why and until when."""
        ...

    async def unblock(self, guild_id: int, user_id: int, *, act: Act) -> Block | None:
        """Let a member in again; None if nobody kept them out."""
        ...

    async def blocks(self, guild_id: int, *, now: datetime) -> Sequence[Block]:
        """Return the blocks of a server that have not ended, newest first."""
        ...

    async def add_news(self, guild_id: int, key: str, text: str, *, at: datetime) -> bool:
        """Keep news for a server's log channel; False if it has none, or knows that key."""
        ...

    async def unsent_news(self, *, limit: int) -> Sequence[News]:
        """Return of each server the first news that its log channel has not seen, oldest first."""
        ...

    async def mark_sent(self, news: News, *, now: datetime) -> None:
        """Note that news were posted, or that there is nowhere to post them any more."""
        ...


class CaseStore(Protocol):
    """What members bring before moderators, and the videos that these remove."""

    async def open(self, draft: Draft) -> Case:
        """Bring a case; the log channel is told of it in the same transaction.

        Raises:
            NotAllowedError: The member has brought it before.
            QuotaExceededError: Too many of theirs wait.
        """
        ...

    async def case(self, guild_id: int, number: int) -> Case:
        """Return a case of a server.

        Raises:
            NotFoundError: There is none of that number.
        """
        ...

    async def open_cases(self, guild_id: int, *, limit: int) -> Sequence[Case]:
        """Return a server's cases that wait for a decision, oldest first."""
        ...

    async def decide(self, number: int, state: CaseState, *, act: Act) -> Verdict:
        """Accept or deny a case, and do what follows from it, unless it was decided before.

        Raises:
            NotFoundError: There is none of that number.
        """
        ...

    async def untold(self, guild_id: int, user_id: int) -> Sequence[Case]:
        """Return a member's decided cases whose outcome they have not read."""
        ...

    async def mark_told(self, cases: Sequence[Case], *, now: datetime) -> None:
        """Note that outcomes were read."""
        ...

    async def remove(self, job_id: JobId, *, act: Act) -> Job:
        """Note that a video goes; one that was removed before stays as it is, without an act.

        Raises:
            NotFoundError: There is no such job in the server.
        """
        ...

    async def to_take_down(self, *, limit: int) -> Sequence[Job]:
        """Return removed jobs whose message or file may still be there, oldest removal first."""
        ...

    async def mark_taken_down(self, job: Job) -> None:
        """Note that nothing of a removed video is left."""
        ...


class AuditLog(Protocol):
    """What moderators did. It is only ever read here: each act is written by what it does."""

    async def acts(  # noqa: PLR0913 - each narrows the list by itself
        self,
        guild_id: int,
        *,
        limit: int,
        before: int | None = None,
        kind: ActKind | None = None,
        target: str | None = None,
        actor_id: int | None = None,
        member_id: int | None = None,
    ) -> Sequence[PastAct]:
        """Return a server's acts, newest first.

        Args:
            guild_id: The server; no other's acts are ever returned.
            limit: At most so many.
            before: Only acts with a smaller number, to page on.
            kind: Only of this kind.
            target: Only to this one, as in `Act.target`.
            actor_id: Only by this one.
            member_id: Only to this member, or to a video of theirs.
        """
        ...


class UsageStore(Protocol):
    """What a server made and spent; each call reads one day or one page, so nobody waits long."""

    async def day(self, guild_id: int, day: date) -> DayOfUse:
        """Return what ended in a server on a day in UTC."""
        ...

    async def waiting(self, guild_id: int) -> int:
        """Return how many jobs of a server are open."""
        ...

    async def open_rows(
        self, guild_id: int, *, limit: int, with_prompts: bool = False
    ) -> Sequence[JobRow]:
        """Return a server's open jobs, newest first."""
        ...

    async def ended_rows(
        self,
        guild_id: int,
        *,
        since: datetime,
        before: tuple[datetime, int],
        limit: int,
        with_prompts: bool = False,
    ) -> Sequence[JobRow]:
        """Return a server's jobs by their end, newest first.

        Args:
            guild_id: The server.
            since: Only those that ended then or later.
            before: Only those before this end and number, to page on.
            limit: At most so many.
            with_prompts: Also what was asked.
        """
        ...

    async def note_export(self, act: Act, *, told: Mapping[str, str]) -> None:
        """Keep in the audit that a moderator took a list of jobs along.

        Args:
            act: Who did it, and when.
            told: What the list holds, by name, in words.
        """
        ...


class Plotter(Protocol):
    """Draws what was made and spent."""

    async def draw(self, usage: Usage) -> bytes:
        """Return a PNG.

        Raises:
            PlotError: It cannot be drawn here.
        """
        ...


class KeyStore(Protocol):
    """API keys; other processes may add and revoke them while the bot runs."""

    async def add_key(
        self, name: str, digest: str, *, requests_per_minute: int | None, now: datetime
    ) -> ApiKey:
        """Keep a new key.

        Raises:
            RequestError: There is one of that name.
        """
        ...

    async def key_of(self, digest: str) -> ApiKey | None:
        """Return the key of a digest, unless it was revoked."""
        ...

    async def keys(self) -> Sequence[ApiKey]:
        """Return all keys that were ever made, in order."""
        ...

    async def revoke_key(self, name: str, *, now: datetime) -> ApiKey:
        """Close the door to a key for good.

        Raises:
            NotFoundError: There is none of that name.
        """
        ...


class Inbox(Protocol):
    """The webhooks that came in, kept until the runner has looked at them."""

    async def receive(
        self, provider: str, token: str, body: bytes, *, now: datetime
    ) -> JobId | None:
        """Keep a webhook, once however often it comes; None if no attempt had this token.

        A letter that nobody asked for is not kept, so strangers cannot fill the disk.
        """
        ...

    async def unread(self, *, limit: int) -> Sequence[Letter]:
        """Return the letters that nobody has looked at, oldest first."""
        ...

    async def mark_read(self, letter: Letter, *, now: datetime) -> None:
        """Note that a letter needs no further look."""
        ...


class ValueStore(Protocol):
    """Single durable values, such as the hash of the commands last synced."""

    async def get_value(self, name: str) -> str | None:
        """Return a value, or None if it was never set."""
        ...

    async def set_value(self, name: str, value: str) -> None:
        """Set a value."""
        ...


class ArtifactStore(Protocol):
    """Videos and init images on our disk."""

    async def receive(self, job: Job, chunks: AsyncIterator[bytes]) -> Path:
        """Stream a backend's file to a `.part` beside its place, under a byte cap.

        Raises:
            MediaError: It is larger than any video of ours can be.
            StorageFullError: The disk is full.
        """
        ...

    async def keep(self, job: Job, part: Path, info: MediaInfo) -> Artifact:
        """Hash, fsync and rename a finished `.part`."""
        ...

    def path(self, artifact: Artifact) -> Path:
        """Return where a kept video lies."""
        ...

    async def keep_image(self, content: bytes) -> str:
        """Store a checked init image and return its id, the sha256 of its bytes."""
        ...

    def image_path(self, image_id: str) -> Path:
        """Return where a kept init image lies."""
        ...

    async def discard(self, job: Job) -> None:
        """Remove a job's unfinished parts, if there are any."""
        ...

    async def remove(self, job: Job) -> None:
        """Remove a job's video and all that was made of it; to do it twice changes nothing."""
        ...


class Media(Protocol):
    """Looks into and rewrites media, in a child process with limits."""

    async def check_image(self, content: bytes) -> bytes:
        """Decode an init image within limits and return it as plain RGB PNG.

        Raises:
            RequestError: It is no image, or one that is too large to decode.
        """
        ...

    async def probe(self, path: Path) -> MediaInfo:
        """Decode a video to its end.

        Raises:
            MediaError: It is no video that decodes.
        """
        ...

    async def tag(self, path: Path, receipt: Receipt) -> None:
        """Write the receipt into the file: JSON in `comment`, and named tags; pixels stay."""
        ...

    async def fit(self, path: Path, limit: int) -> Path:
        """Write a smaller copy of at most `limit` bytes beside `path`.

        Raises:
            MediaError: It cannot be made that small.
        """
        ...

    async def scale(self, path: Path, width: int, height: int) -> MediaInfo:
        """Bring a video to another size, in its place, and say what it is like now.

        Raises:
            MediaError: It is no video that decodes.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """A finished render, ready to be taken over."""

    chunks: AsyncIterator[bytes]
    effective: Mapping[str, object]
    versions: Mapping[str, str]


class Provider(Protocol):
    """A backend that renders: hosted, or a GPU of one's own."""

    @property
    def name(self) -> ProviderName:
        """Return its name, which is also its queue's."""
        ...

    @property
    def is_paid(self) -> bool:
        """A submit may cost money, so it is made at most once."""
        ...

    @property
    def slots(self) -> int:
        """Return how many renders it takes at once."""
        ...

    @property
    def health(self) -> Health:
        """Return whether it can be given work, from memory."""
        ...

    async def until_ready(self) -> None:
        """Wait until a submit may be made: its rate limit and its health allow it."""
        ...

    def models(self) -> Sequence[ModelInfo]:
        """Return what it can render now, from memory; the default model first."""
        ...

    def faults(self) -> Mapping[str, str]:
        """Return the models that it has and cannot use, each with a sentence that says why."""
        ...

    async def try_out(self) -> str:
        """Start what a render needs and return what it runs on, in a few words.

        Raises:
            ProviderError: It cannot render now.
        """
        ...

    def loras(self) -> Sequence[str]:
        """Return the LoRA ids it has, from memory."""
        ...

    def embeddings(self) -> Sequence[str]:
        """Return the textual inversions it has, from memory."""
        ...

    def check(self, request: ResolvedRequest) -> Sequence[str]:
        """Return a sentence for each option that it cannot honour; from memory.

        Raises:
            RequestError: An option makes no sense here at all.
        """
        ...

    async def submit(self, job: Job, *, token: str, image: Path | None) -> Submission:
        """Start a render.

        Raises:
            BusyError: It takes nothing on just now.
            UnavailableError: Nothing was sent.
            RefusedError: It said no.
            UnconfirmedError: It was sent and the answer was lost.
        """
        ...

    async def heal(self, job: Job, letter: Letter) -> Submission | None:
        """Find the lost submit that a letter speaks of, by asking the backend itself.

        Returns:
            What the lost answer would have said, or None if the letter proves nothing.

        Raises:
            ProviderError: It cannot be asked now.
        """
        ...

    def look_now(self, job: Job) -> None:
        """Look at a job that is being watched at once, without waiting for its next turn."""
        ...

    def watch(self, job: Job) -> AsyncIterator[Progress]:
        """Yield progress until the video is ready, then end.

        Raises:
            RenderFailedError: It failed.
            InterruptedRenderError: An unpaid render was lost.
            RenderCancelledError: It was cancelled.
        """
        ...

    def fetch(self, job: Job) -> AbstractAsyncContextManager[Rendering]:
        """Open the finished video; leaving the context frees what the backend held for it."""
        ...

    async def cancel(self, job: Job) -> None:
        """Ask the backend to stop; a backend that cannot does nothing."""
        ...


class Catalogue(Protocol):
    """What all backends together can render; from memory, so autocomplete may ask it."""

    def providers(self) -> Sequence[Provider]:
        """Return the backends that are on; the default one first."""
        ...

    def provider(self, name: str) -> Provider:
        """Return a backend.

        Raises:
            RequestError: It is unknown or off.
        """
        ...


class Delivery(Protocol):
    """A door's way back: the card while the job runs, the result at its end."""

    async def show(
        self, job: Job, *, progress: Progress | None = None, standing: Standing | None = None
    ) -> None:
        """Bring the job's card up to date; a lost card is no error."""
        ...

    async def deliver(self, job: Job, file: Path) -> Outcome:
        """Post the result, once, however often this is called for a job."""
        ...


class Postings(Protocol):
    """What was posted of jobs."""

    async def delete(self, job: Job) -> bool:
        """Delete a job's result from its channel; False if it may work later."""
        ...


class GuildLog(Protocol):
    """The way to a server's log channel."""

    async def post(self, news: News) -> bool:
        """Post news, once however often this is called; False if it may work later.

        A channel that is gone, or takes nothing from us, is no reason to try again.
        """
        ...


class PrivacyStore(Protocol):
    """What is stored about people, and how it goes."""

    async def holdings(self, whose: Whose, *, now: datetime) -> Holdings:
        """Count what is stored about a person."""
        ...

    async def account(self, whose: Whose) -> AccountRecord:
        """Return what hangs on no single job."""
        ...

    async def jobs(self, whose: Whose, *, before: int | None, limit: int) -> Sequence[JobRecord]:
        """Return a person's jobs with all that hangs on them, newest first.

        Args:
            whose: The person.
            before: Only those that came before the one of this number.
            limit: How many at most.
        """
        ...

    async def note_erasure(self, erasure: Erasure) -> None:
        """Write down that a deletion was asked for; asked again it is the same one.

        Until it is done the member is admitted no video.
        """
        ...

    async def erasures(self) -> Sequence[Erasure]:
        """Return the deletions that are not done, oldest first."""
        ...

    async def open_jobs(self, whose: Whose) -> Sequence[JobId]:
        """Return what is under way of a person."""
        ...

    async def forget_jobs(self, whose: Whose, *, limit: int) -> Sequence[Remains]:
        """Delete jobs that have ended; return what lies on the disk of them."""
        ...

    async def forget_rest(self, whose: Whose) -> bool:
        """Delete or anonymise everything else, and the note of the deletion with it.

        Returns:
            False if a job is there that must go first; nothing was done.
        """
        ...

    async def known_images(self, images: AbstractSet[str]) -> AbstractSet[str]:
        """Return those of some init images that a job still names."""
        ...


class RetentionStore(Protocol):
    """What was kept long enough: by age, and of servers that took the bot out."""

    async def delete_old(
        self, *, now: datetime, default: timedelta | None, limit: int
    ) -> Sequence[Remains]:
        """Delete jobs that ended longer ago than their server keeps them.

        Args:
            now: When.
            default: How long those are kept whose server says nothing; None is for good.
            limit: How many at most.

        Returns:
            What lies on the disk of them.
        """
        ...

    async def tidy(self, *, now: datetime, first_of_month: str, news_before: datetime) -> None:
        """Let go of what is over.

        Args:
            now: Blocks that ended before go.
            first_of_month: Books that end before this day are tied to nobody any more.
            news_before: The texts of news that were sent before go.
        """
        ...

    async def note_departure(self, guild_id: int, *, at: datetime) -> None:
        """Note that a server took the bot out; the first time counts."""
        ...

    async def note_return(self, guild_id: int) -> None:
        """Note that the bot is in a server."""
        ...

    async def reconcile(self, here: AbstractSet[int], *, at: datetime) -> Sequence[int]:
        """Note of every server that is known whether the bot is in it; return who has left."""
        ...

    async def departed(self, *, before: datetime) -> Sequence[int]:
        """Return the servers that took the bot out before a time."""
        ...

    async def open_jobs(self, guild_id: int) -> Sequence[JobId]:
        """Return what is under way in a server."""
        ...

    async def purge_jobs(self, guild_id: int, *, limit: int) -> Sequence[Remains]:
        """Delete jobs of a server that have ended."""
        ...

    async def purge_rest(self, guild_id: int) -> bool:
        """Delete everything else of a server that left; False if it is back, or has jobs."""
        ...

    async def unknown_jobs(self, ids: Iterable[str]) -> AbstractSet[str]:
        """Return those of some ids under which there is no job."""
        ...

    async def unknown_images(self, ids: Iterable[str]) -> AbstractSet[str]:
        """Return those of some init images that no job names."""
        ...


class VideoFolder(Protocol):
    """The files of videos and init images, by name."""

    async def remove(self, names: Iterable[str]) -> None:
        """Remove videos; what is not there is no error."""
        ...

    async def remove_image(self, image_id: str) -> None:
        """Remove an init image."""
        ...

    async def read(self, name: str, *, max_bytes: int) -> bytes | None:
        """Return a video; None if it is not there, or larger."""
        ...

    async def jobs(self, *, older_than: datetime) -> AbstractSet[str]:
        """Return the ids of jobs that have files which nobody wrote to since a time."""
        ...

    async def images(self, *, older_than: datetime) -> AbstractSet[str]:
        """Return the init images that nobody uploaded since a time."""
        ...

    async def remove_of(self, job_id: str) -> None:
        """Remove all files of a job."""
        ...

    async def remove_parts(self, *, older_than: datetime) -> int:
        """Remove unfinished files that nobody wrote to since a time; return how many."""
        ...
