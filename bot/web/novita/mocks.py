"""Made-up tasks: what a submit in the webhook's test mode gets, without a render or a charge.

Their ids say how they ended, so nothing of them is kept: `task-result` answers about one as its
event did, as often as it is asked. The file that they name is a real one, and a very small one.
Source: https://novita.ai/docs/api-reference/model-apis-webhook ("test_mode").
"""

import re
import secrets
from datetime import datetime
from pathlib import Path

from bot.web.novita.answers import (
    DebugInfo,
    ResultExtra,
    Task,
    TaskResult,
    TaskStatus,
    Video,
    milliseconds,
)
from bot.web.novita.bodies import EndStatus, VideoType

SAMPLES = Path(__file__).parent / "samples"
SAMPLE_PATH = "/v3/async/mock"  # and the end of the file's name
TTL_S = 3600
FAILED_REASON = "This is a made-up failure, as asked by `extra.webhook.test_mode`."

_ID = re.compile(r"mock-(succeed|failed)-(mp4|gif)-[0-9a-f]{16}")


def draw_mock_id(status: EndStatus, video_type: VideoType) -> str:
    """Return the id of a made-up task that ended so."""
    end = "succeed" if status is EndStatus.SUCCEED else "failed"
    return f"mock-{end}-{video_type}-{secrets.token_hex(8)}"


def mock_result(task_id: str, *, base: str, now: datetime) -> TaskResult | None:
    """Return the end of a made-up task, or None if the id is not one of those.

    Args:
        task_id: Any id.
        base: What links begin with.
        now: The time.
    """
    match = _ID.fullmatch(task_id)
    if match is None:
        return None
    has_succeeded, kind = match[1] == "succeed", match[2]
    at = milliseconds(now)
    return TaskResult(
        extra=ResultExtra(
            seed="0",
            debug_info=DebugInfo(submit_time_ms=at, execute_time_ms=at, complete_time_ms=at),
        ),
        task=Task(
            task_id=task_id,
            status=TaskStatus.SUCCEED if has_succeeded else TaskStatus.FAILED,
            reason="" if has_succeeded else FAILED_REASON,
            progress_percent=100 if has_succeeded else 0,
        ),
        videos=[_sample(kind, base)] if has_succeeded else [],
    )


def _sample(kind: str, base: str) -> Video:
    url = f"{base}{SAMPLE_PATH}.{kind}"
    return Video(video_url=url, video_url_ttl=str(TTL_S), video_type=kind)
