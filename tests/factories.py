"""Jobs and charges filled with defaults, so that a test states only what matters to it."""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from jobs.model import Address, Artifact, Job, JobId, Origin, Receipt, Requester
from jobs.moderation.acts import Act, ActKind
from jobs.quota.books import Charge, Unit
from jobs.quota.tiers import EVERYONE, Rule, Setting, Target, Value
from jobs.request import ModelInfo, ProviderName, ResolvedRequest, Segment, VideoRequest

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
_NUMBERS: Iterator[int] = count(1)


def make_request(**overrides: Any) -> ResolvedRequest:
    """Return a small resolved request; overrides are its fields, `prompt` is one segment."""
    prompt = overrides.pop("prompt", "a lighthouse at dusk")
    frames = overrides.get("frames", 16)
    values: dict[str, Any] = {
        "segments": (Segment(prompt=prompt, frames=frames),),
        "provider": ProviderName.LOCAL,
        "model": "flipbook-shapes",
        "width": 128,
        "height": 128,
        "fps": 8,
        "frames": frames,
        "steps": 12,
        "guidance_scale": 4.0,
        "seed": 7,
    }
    return ResolvedRequest.model_validate({**values, **overrides})


def make_job(**overrides: Any) -> Job:
    """Return a queued job of its own id and origin key.

    `user_id`, `guild_id` and `role_ids` are those of its requester.
    """
    number = next(_NUMBERS)
    requester = Requester(
        user_id=overrides.pop("user_id", 1001),
        guild_id=overrides.pop("guild_id", 2002),
        role_ids=overrides.pop("role_ids", ()),
    )
    request = overrides.get("request") or make_request()
    values: dict[str, Any] = {
        "id": JobId(f"j{number:07d}"),
        "origin": Origin.DISCORD,
        "origin_key": f"interaction-{number}",
        "requester": requester,
        "address": Address(channel_id=3003, application_id=4004, token="made-up-token"),
        "asked": VideoRequest(segments=request.segments),
        "request": request,
        "created_at": NOW,
    }
    return Job(**{**values, **overrides})


def make_receipt(job: Job | None = None, **overrides: Any) -> Receipt:
    """Return the receipt of a job, as the local backend would write it."""
    job = job or make_job()
    values: dict[str, Any] = {
        "job_id": job.id,
        "asked": job.asked.model_dump(mode="json"),
        "sent": job.request.model_dump(mode="json"),
        "effective": {"scheduler": "DDIMScheduler", "frames": job.request.frames},
        "seed": job.request.seed,
        "provider": job.request.provider.value,
        "model": job.request.model,
        "versions": {"flipbook": "0.1.0"},
        "timings_s": {"rendered": 1.5},
        "cost": job.request.cost,
    }
    return Receipt.model_validate({**values, **overrides})


def make_artifact(job: Job, **overrides: Any) -> Artifact:
    """Return the artifact of a finished job; no file is written."""
    values: dict[str, Any] = {
        "name": f"{job.id}.{job.request.format}",
        "sha256": "0" * 64,
        "size": 1000,
        "width": job.request.width,
        "height": job.request.height,
        "frames": job.request.frames,
        "duration_s": job.request.duration_s,
    }
    return Artifact(**{**values, **overrides})


def make_charge(**overrides: Any) -> Charge:
    """Return a charge of one video on one account, today, without a limit."""
    values: dict[str, Any] = {
        "account": "guild:2002/user:1001",
        "window": f"day:{NOW:%Y-%m-%d}",
        "unit": Unit.VIDEOS,
        "amount": 1,
    }
    return Charge(**{**values, **overrides})


def make_rule(setting: Setting, value: Value, target: Target = EVERYONE) -> Rule:
    """Return a limit, for everyone in a server unless somebody else is named."""
    return Rule(target=target, setting=setting, value=value)


def make_act(**overrides: Any) -> Act:
    """Return an act of a moderator in the server of `make_job`, now."""
    values: dict[str, Any] = {
        "guild_id": 2002,
        "actor_id": 9,
        "kind": ActKind.QUOTA_SET,
        "target": "everyone",
        "at": NOW,
    }
    return Act(**{**values, **overrides})


def make_model(**overrides: Any) -> ModelInfo:
    """Return a small model of the local backend."""
    values: dict[str, Any] = {
        "id": "flipbook-shapes",
        "provider": ProviderName.LOCAL,
        "title": "Shapes",
        "min_side": 128,
        "max_side": 256,
    }
    return ModelInfo.model_validate({**values, **overrides})


def make_token() -> str:
    """Return an attempt token that was not drawn before: 32 hexadecimal digits."""
    return secrets.token_hex(16)


def after(seconds: float) -> datetime:
    """Return a time that many seconds after `NOW`."""
    return NOW + timedelta(seconds=seconds)
