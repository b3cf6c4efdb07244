"""Judges prompts by the operator's policy and the server's, and lets moderators change theirs.

The rules of all servers are in memory, ready to be compared: a prompt is judged before Discord's
three seconds are over. One process writes them, so what is here is what the store holds.
"""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from jobs.errors import NotFoundError, PolicyError, RequestError
from jobs.events import Notices
from jobs.model import Requester
from jobs.moderation.acts import Act, ActKind, why
from jobs.moderation.base_policy import BasePolicy
from jobs.moderation.policy import (
    MAX_PATTERNS,
    MAX_RULES,
    Action,
    Hit,
    PolicyRule,
    RuleKind,
    RuleSet,
    checked,
)
from jobs.ports import Clock, PolicyStore
from jobs.request import VideoRequest
from jobs.text import plain, safe

MAX_SHOWN_CHARS = 60
MAX_NAMED = 3  # rules that one sentence names
MAX_AT_ONCE = 500  # words that one command adds
NONE_LIFTED: AbstractSet[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A rule that fired on a prompt.

    Attributes:
        prompt: That part of the request.
    """

    hit: Hit
    prompt: str

    @property
    def shown(self) -> str:
        """What of the prompt it fired on, as it was written."""
        return self.prompt[self.hit.start : self.hit.end]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What fired on a request's prompts, the strongest first; never empty."""

    findings: tuple[Finding, ...]

    @property
    def action(self) -> Action:
        """What follows."""
        return self.findings[0].hit.action

    @property
    def refusal(self) -> str:
        """What the member is told: the reason, and nothing of the list."""
        rule = self.findings[0].hit.rule
        if not rule.reason:
            return "This server's moderators do not allow this prompt."
        return f"This prompt is not allowed here: {safe(rule.reason.rstrip('.'), 200)}."

    @property
    def appealable(self) -> tuple[str, ...]:
        """Name the server's rules that refuse; none if the operator's policy refuses, too."""
        rules = [one.hit.rule for one in self.findings if one.hit.action is Action.REFUSE]
        if not all(rule.guild_id for rule in rules):
            return ()
        return tuple(sorted({rule.name for rule in rules}))

    @property
    def for_moderators(self) -> str:
        """Name the rules and what they fired on, in Discord's markdown."""
        named = [finding_words(one) for one in self.findings[:MAX_NAMED]]
        more = len(self.findings) - MAX_NAMED
        return "; ".join([*named, *([f"and {more} more"] if more > 0 else [])])


def finding_words(finding: Finding) -> str:
    """Name a rule and what it fired on."""
    rule = finding.hit.rule
    name = f"rule {rule.number}" if rule.number else "the operator's rule"
    if finding.hit.is_overdue:
        return f"{name} took too long, so nobody knows"
    shown, text = safe(finding.shown, MAX_SHOWN_CHARS), safe(rule.text, MAX_SHOWN_CHARS)
    return f"{name} (the {rule.kind} “{text}”) fired on “{shown}”"


def _is_lifted(hit: Hit, lifted: AbstractSet[str]) -> bool:
    """Say whether an appeal put a rule aside; nobody can put the operator's aside."""
    return bool(hit.rule.guild_id) and hit.rule.name in lifted


class Policies:
    """The rules of everybody, in memory."""

    def __init__(self, rules: Iterable[PolicyRule] = (), *, base: BasePolicy | None = None) -> None:
        self.base = base or BasePolicy()
        self._base_set = RuleSet.of(self.base.rules)
        self._rules: dict[int, dict[int, PolicyRule]] = {}
        self._sets: dict[int, RuleSet] = {}
        self.learn(rules)

    def of(self, guild_id: int) -> Sequence[PolicyRule]:
        """Return a server's rules, oldest first."""
        return list(self._rules.get(guild_id, {}).values())

    def learn(self, rules: Iterable[PolicyRule]) -> None:
        """Note what was just written."""
        for rule in rules:
            self._rules.setdefault(rule.guild_id, {})[rule.number] = rule
            if rule.guild_id in self._sets:
                self._sets[rule.guild_id].add(rule)

    def forget(self, guild_id: int, number: int | None = None) -> None:
        """Note that a rule is gone, or all of a server's."""
        self._sets.pop(guild_id, None)
        if number is None:
            self._rules.pop(guild_id, None)
        else:
            self._rules.get(guild_id, {}).pop(number, None)

    def judge(
        self,
        prompts: Sequence[str],
        guild_id: int,
        *,
        is_adult_place: bool = False,
        lifted: AbstractSet[str] = NONE_LIFTED,
    ) -> Verdict | None:
        """Return what fires on prompts in a server; None if nothing does.

        Args:
            prompts: Of every segment.
            guild_id: The server; 0 is none, then the operator's rules hold alone.
            is_adult_place: They would be shown in an age-restricted channel.
            lifted: The names of the server's rules that an accepted appeal put aside.
        """
        findings: list[Finding] = []
        for rules in (self._base_set, self._set_of(guild_id)):
            hits = rules.hits_of(prompts, is_adult_place=is_adult_place)
            for prompt, found in zip(prompts, hits, strict=True):
                findings += [
                    Finding(hit=hit, prompt=prompt) for hit in found if not _is_lifted(hit, lifted)
                ]
        if not findings:
            return None
        findings.sort(key=lambda one: -one.hit.action.strength)
        return Verdict(findings=tuple(findings))

    def judge_request(
        self,
        request: VideoRequest,
        guild_id: int,
        *,
        is_adult_place: bool,
        lifted: AbstractSet[str] = NONE_LIFTED,
    ) -> Verdict | None:
        """Judge a request before anything is written.

        Raises:
            PolicyError: It is refused, or would have to be held where no moderator could look.
        """
        prompts = [segment.prompt for segment in request.segments]
        verdict = self.judge(prompts, guild_id, is_adult_place=is_adult_place, lifted=lifted)
        if verdict is None:
            return None
        is_for_nobody = verdict.action is Action.HOLD and not guild_id
        if verdict.action is Action.REFUSE or is_for_nobody:
            raise PolicyError(verdict.refusal, rules=verdict.appealable)
        return verdict

    def _set_of(self, guild_id: int) -> RuleSet:
        found = self._sets.get(guild_id)
        if found is None:
            found = self._sets[guild_id] = RuleSet.of(self.of(guild_id))
        return found


class Policing:
    """The moderators' way to their server's rules."""

    def __init__(
        self, *, policies: Policies, store: PolicyStore, notices: Notices, clock: Clock
    ) -> None:
        self.policies = policies
        self._store = store
        self._notices = notices
        self._clock = clock

    async def add(
        self, kind: RuleKind, text: str, action: Action, *, by: Requester, reason: str = ""
    ) -> Sequence[PolicyRule]:
        """Add a rule, or several words or phrases at once, with commas between them.

        Args:
            kind: How it is compared.
            text: A word, a phrase, a pattern; or a list of the first two.
            action: What happens to a prompt that it fires on.
            by: The moderator; the server is theirs.
            reason: Told to members whose prompt is refused.

        Raises:
            RequestError: It makes no rule, or there are too many.
        """
        texts = (
            [text] if kind is RuleKind.REGEX else [one for one in text.split(",") if one.strip()]
        )
        rules = [
            checked(self._new(kind, one.strip(), action, by, reason))
            for one in dict.fromkeys(texts)
        ]
        self._check_room(rules, by.guild_id)
        told = ", ".join(rule.text for rule in rules)
        act = self._act(ActKind.POLICY_ADD, by, why(reason))
        words = {"action": action.value, kind.value: plain(told)}
        kept = await self._store.add_rules(rules, act=act, told=words)
        for rule in kept:  # one of the same text is replaced
            self.policies.forget(by.guild_id, rule.number)
        self.policies.learn(kept)
        self._notices.news_added()
        return kept

    async def remove(self, number: int, *, by: Requester) -> PolicyRule:
        """Remove a rule and return it as it was.

        Raises:
            NotFoundError: There is none of that number here.
        """
        act = self._act(ActKind.POLICY_REMOVE, by, "")
        rule = await self._store.remove_rule(by.guild_id, number, act=act)
        if rule is None:
            raise NotFoundError(f"There is no rule {number} here; `/mod policy list` shows them.")
        self.policies.forget(by.guild_id, number)
        self._notices.news_added()
        return rule

    def _new(
        self, kind: RuleKind, text: str, action: Action, by: Requester, reason: str
    ) -> PolicyRule:
        return PolicyRule(
            guild_id=by.guild_id,
            kind=kind,
            text=text,
            action=action,
            reason=why(reason),
            by_user_id=by.user_id,
            created_at=self._clock.now(),
        )

    def _check_room(self, rules: Sequence[PolicyRule], guild_id: int) -> None:
        known = self.policies.of(guild_id)
        if not rules:
            raise RequestError("`text` must hold a letter or a digit.", field="text")
        if len(rules) > MAX_AT_ONCE:
            raise RequestError(f"`text`: at most {MAX_AT_ONCE} at once.", field="text")
        if len(known) + len(rules) > MAX_RULES:
            raise RequestError(f"A server has at most {MAX_RULES:,} rules.", field="text")
        patterns = sum(rule.kind is RuleKind.REGEX for rule in [*known, *rules])
        if patterns > MAX_PATTERNS:
            raise RequestError(f"A server has at most {MAX_PATTERNS} regexes.", field="text")

    def _act(self, kind: ActKind, by: Requester, reason: str) -> Act:
        return Act(
            guild_id=by.guild_id,
            actor_id=by.user_id,
            kind=kind,
            target="server",
            at=self._clock.now(),
            reason=reason,
        )
