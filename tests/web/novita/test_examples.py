"""The document's own examples, with only the host and the key changed.

Source: https://novita.ai/docs/api-reference/model-apis-txt2video and -task-result, of 2024. The
first is written here with its apostrophe escaped: as it is printed no shell can read it.
"""

import asyncio
import json
import shutil
from typing import Any

import pytest

from jobs.model import JobId
from tests.web.novita.conftest import KEY, Door

HOST, DOCUMENTED_KEY = "https://api.novita.ai", "{{API Key}}"
TASK_ID = "fa20dff3-18cb-4417-a7f8-269456a35154"

TXT2VIDEO = r"""
curl --location 'https://api.novita.ai/v3/async/txt2video' \
--header 'Authorization: Bearer {{API Key}}' \
--header 'Content-Type: application/json' \
--data '{
    "model_name": "darkSushiMixMix_225D_64380.safetensors",
    "height": 512,
    "width": 512,
    "steps": 20,
    "seed": -1,
    "prompts": [
        {
            "frames": 32,
            "prompt": "In the wintry dusk, a little girl holds matches tightly."
        },
        {
            "frames": 32,
            "prompt": "A little girl, barefoot on the frosty pavement, seeks solace."
        },
        {
            "frames": 32,
            "prompt": "A little girl with each match experiences a fleeting dance of warmth and hope."
        },
        {
            "frames": 32,
            "prompt": "In the quiet night, a little girl'\''s silent story unfolds."
        }
    ],
    "negative_prompt": "nsfw, ng_deepnegative_v1_75t, badhandv4, (worst quality:2), (low quality:2), (normal quality:2), lowres, ((monochrome)), ((grayscale)), watermark"
}'
"""  # noqa: E501 - as it is printed
TASK_RESULT = r"""
curl --location --request GET 'https://api.novita.ai/v3/async/task-result?task_id=fa20dff3-18cb-4417-a7f8-269456a35154' \
--header 'Authorization: Bearer {{API Key}}'
"""  # noqa: E501 - as it is printed

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")


async def run(example: str, door: Door, *, key: str = KEY) -> Any:
    """Run an example in a shell, as its reader would, and return what it prints."""
    command = example.replace(HOST, door.url).replace(DOCUMENTED_KEY, key)
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(printed)


async def test_the_documented_examples_get_the_documented_answers(
    door: Door, documented: dict[str, Any]
) -> None:
    door.names["*"] = "shapes"
    submitted = await run(TXT2VIDEO, door)
    assert submitted.keys() == documented["submit_ok"].keys()
    job = await door.world.jobs.get(JobId(submitted["task_id"]))
    assert [part.frames for part in job.request.segments] == [32] * 4
    assert job.request.segments[3].prompt.endswith("girl's silent story unfolds.")
    assert "((monochrome))" in job.request.negative_prompt
    await door.finish(job)
    result = await run(TASK_RESULT.replace(TASK_ID, job.id), door)
    expected = documented["result_txt2video_doc"]
    assert result.keys() >= expected.keys()
    assert result["task"] == {**expected["task"], "task_id": job.id}
    assert result["videos"][0].keys() == expected["videos"][0].keys()


async def test_the_documented_task_is_unknown_here(door: Door) -> None:
    assert (await run(TASK_RESULT, door))["reason"] == "TASK_NOT_FOUND"


async def test_without_the_alias_the_documented_model_is_unknown_here(door: Door) -> None:
    fault = await run(TXT2VIDEO, door)
    assert (fault["code"], fault["reason"]) == (400, "INVALID_REQUEST_BODY")
    assert "darkSushiMixMix_225D_64380.safetensors" in fault["message"]


async def test_an_example_with_a_wrong_key_is_refused(door: Door) -> None:
    assert (await run(TXT2VIDEO, door, key="sk-wrong"))["reason"] == "INVALID_API_KEY"
