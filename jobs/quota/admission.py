"""Whether a job may be queued, and what it costs: pure rules over what was looked up.

The store calls them in the transaction that inserts the job. Whatever cannot be judged, a price
that nobody knows against a budget for one, is refused: nothing is let through by guessing.
"""

from collections.abc import Mapping, Sequence
from datetime import date

from jobs.errors import NotAllowedError, QuotaExceededError
from jobs.model import Job, Origin
from jobs.quota.amounts import format_value
from jobs.quota.books import (
    EVER,
    Bonus,
    Charge,
    Side,
    SpanLimit,
    Unit,
    account_of,
    amounts_of,
    drawn,
    server_account,
)
from jobs.quota.statements import Terms
from jobs.quota.tiers import ALLOWANCES, UNLIMITED, Rule, Setting, Tier
from jobs.quota.windows import Span, day_of
from jobs.request import ProviderName
from jobs.text import safe

UNJUDGED = Terms(tier=UNLIMITED, server=UNLIMITED)
MAX_REASON_CHARS = 300
WARN_AT = 0.8  # of a server's budget


def terms_for(job: Job, terms: Terms) -> Terms:
    """Return what holds for a job; whoever sits at the command line owns the machine."""
    return UNJUDGED if job.origin is Origin.CLI else terms


def check(job: Job, terms: Terms, *, waiting: int) -> None:
    """Hold a job to what its member may ask for at a time.

    Args:
        job: About to be queued.
        terms: What holds for its member.
        waiting: Videos of the member in the queue already.

    Raises:
        NotAllowedError: The member is blocked, or asks for what they may not have.
        QuotaExceededError: Too many wait already.
    """
    _check_block(terms)
    request, tier = job.request, terms.tier
    longest_ms = round(request.duration_s * 1000)
    _check_most(tier, Setting.LONGEST_SIDE, max(request.width, request.height), "the longer side")
    _check_most(tier, Setting.LONGEST_VIDEO, longest_ms, "its length")
    _check_listed(tier, Setting.PROVIDERS, request.provider.value, request.provider.heading)
    _check_listed(tier, Setting.MODELS, request.model, f"The model {request.model}")
    _check_line(tier, waiting)
    _check_price(job, terms)


def charges_for(job: Job, terms: Terms, bonuses: Sequence[Bonus]) -> Sequence[Charge]:
    """Return what a job costs its member and its server, or its API key, in a fixed order.

    Extras pay first, but only for what is limited: where there is no limit they are kept.

    Args:
        job: About to be queued; the day of its asking is the day it is booked on.
        terms: Set the limits.
        bonuses: The member's extras that have something left.
    """
    found: list[Charge] = []
    for unit, amount in amounts_of(job.request, job.price_micros).items():
        if amount > 0:
            found += _member_charges(job, terms.tier, unit, amount, bonuses)
            if not job.requester.key_id:
                found.append(_charge(job, terms.server, unit, amount, Side.SERVER))
    return sorted(found, key=lambda charge: (charge.account, charge.unit))


def refusal(charge: Charge, limit: SpanLimit, *, taken: int, span: Span) -> QuotaExceededError:
    """Say why a charge does not fit, what is left, and when the allowance begins anew."""
    left = max(0, limit.limit - taken)
    wanted = told(charge.unit, charge.amount, charge.currency)
    whose = "your" if charge.side is Side.MEMBER else "this server's"
    if limit.limit == 0:
        return QuotaExceededError(
            f"This takes {wanted}, and {whose} allowance a {limit.window} is none."
        )
    allowed = f"{told(charge.unit, limit.limit, charge.currency)} a {limit.window}"
    verb = "are" if charge.unit is Unit.VIDEOS and left > 1 else "is"
    return QuotaExceededError(
        f"This takes {wanted}, and of {whose} {allowed} "
        f"{told(charge.unit, left, charge.currency)} {verb} left; "
        f"it resets on {span.end} at 00:00 UTC."
    )


def budget_warning(
    charge: Charge, limit: SpanLimit, *, taken: int, span: Span
) -> tuple[str, str] | None:
    """Return a key and a sentence for the log channel once a server's budget runs low.

    The key is the same for one budget in one span, so it is told once.
    """
    if charge.side is not Side.SERVER or limit.limit == 0 or taken < WARN_AT * limit.limit:
        return None
    key = f"budget:{charge.unit}:{limit.window}:{span.first}:{limit.limit}"
    used = told(charge.unit, taken, charge.currency)
    text = (
        f"**{taken * 100 // limit.limit} % of this server's budget is spoken for**: {used} of "
        f"{told(charge.unit, limit.limit, charge.currency)} this {limit.window}. "
        f"It begins anew on {span.end} at 00:00 UTC."
    )
    return key, text


def told(unit: Unit, amount: int, currency: str = "") -> str:
    """Write an amount of a unit for people."""
    setting = next(one for one, (known, _) in ALLOWANCES.items() if known is unit)
    return format_value(setting, amount, currency)


def _check_block(terms: Terms) -> None:
    if terms.block is None:
        return
    until = "" if terms.block.expires_at is None else f" until {_moment(terms.block.expires_at)}"
    reason = f": {safe(terms.block.reason, MAX_REASON_CHARS)}" if terms.block.reason else ""
    raise NotAllowedError(f"A moderator has blocked you from making videos here{until}{reason}.")


def _moment(at: date) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _check_most(tier: Tier, setting: Setting, asked: int, what: str) -> None:
    most = tier.limit(setting)
    if most is not None and asked > most:
        raise NotAllowedError(
            f"That is too much for you here: {what} would be {format_value(setting, asked)}, and "
            f"at most {format_value(setting, most)} is allowed ({_source(tier, setting)})."
        )


def _check_listed(tier: Tier, setting: Setting, asked: str, heading: str) -> None:
    allowed = tier.allowed(setting)
    if allowed is not None and asked not in allowed:
        choice = ", ".join(sorted(allowed)) or "none"
        raise NotAllowedError(
            f"{heading} is not for you here; allowed: {choice} ({_source(tier, setting)})."
        )


def _check_line(tier: Tier, waiting: int) -> None:
    if tier.limit(Setting.AT_ONCE) == 0:
        raise NotAllowedError(
            f"You may not make videos here ({_source(tier, Setting.AT_ONCE)}): at once: none."
        )
    most = tier.limit(Setting.WAITING)
    if most is not None and waiting >= most:
        raise QuotaExceededError(
            f"{waiting} of your videos {'waits' if waiting == 1 else 'wait'} already, and at most "
            f"{format_value(Setting.WAITING, most)} may ({_source(tier, Setting.WAITING)}); "
            "ask again when one is done, or cancel one."
        )


def _check_price(job: Job, terms: Terms) -> None:
    """Refuse a paid video of unknown price where money is limited."""
    if job.price_micros is not None or job.request.provider is ProviderName.LOCAL:
        return
    for tier in (terms.tier, terms.server):
        for setting, (unit, _) in ALLOWANCES.items():
            if unit is Unit.MONEY_MICROS and tier[setting] is not None:
                raise NotAllowedError(
                    f"Nobody told Flipbook what {job.request.model} costs at "
                    f"{job.request.provider.label}, and money is limited here; pick another "
                    "model, or have the bot's operator add its price."
                )


def _source(tier: Tier, setting: Setting) -> str:
    return f"set for {tier.rules[setting].target.mention}"


def _member_charges(
    job: Job, tier: Tier, unit: Unit, amount: int, bonuses: Sequence[Bonus]
) -> Sequence[Charge]:
    charge = _charge(job, tier, unit, amount, Side.MEMBER)
    if not charge.limits:
        return [charge]
    shares, rest = drawn(amount, [bonus for bonus in bonuses if bonus.unit is unit])
    extras = [
        Charge(account=bonus.account, window=EVER, unit=unit, amount=share, currency=job.currency)
        for bonus, share in shares
    ]
    return [*extras, _charge(job, tier, unit, rest, Side.MEMBER)] if rest else extras


def _charge(job: Job, tier: Tier, unit: Unit, amount: int, side: Side) -> Charge:
    requester = job.requester
    is_member = side is Side.MEMBER
    return Charge(
        account=account_of(requester) if is_member else server_account(requester.guild_id),
        window=day_of(job.created_at),
        unit=unit,
        amount=amount,
        limits=limits_of(tier.rules, unit),
        side=side,
        currency=job.currency,
    )


def limits_of(rules: Mapping[Setting, Rule], unit: Unit) -> tuple[SpanLimit, ...]:
    """Return what limits a unit: for days, weeks and months."""
    found: list[SpanLimit] = []
    for setting, (of, window) in ALLOWANCES.items():
        rule = rules.get(setting)
        if of is unit and rule is not None and isinstance(rule.value, int):
            found.append(SpanLimit(window=window, limit=rule.value))
    return tuple(found)
