"""The commands of docs/api.md and of the page `/docs`, run as they stand by bash and curl."""

import asyncio
import json
import os
import re
import shutil
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.web.openapi import document
from bot.web.operations import OPERATIONS, the_service
from bot.web.page import BASE, curl_of
from tests.fakes.media import VIDEO
from tests.fakes.provider import SHAPES
from tests.web.premises import KEY, Premises, open_premises

PAGE = (Path(__file__).parents[2] / "docs/api.md").read_text()
COMMANDS = re.findall(r"^```bash\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
DOCUMENT: Any = document(the_service("1"))
SHORT_SLEEP = "sleep() { command sleep 0.02; }\n"

pytestmark = pytest.mark.skipif(
    not all(shutil.which(name) for name in ("bash", "curl", "jq")),
    reason="the commands of the docs are NOT run: bash, curl or jq is missing",
)


@pytest.fixture
async def premises(tmp_path: Path) -> AsyncGenerator[Premises]:
    async with open_premises(tmp_path / "data") as opened:
        yield opened


async def run(script: str, folder: Path, **variables: str) -> str:
    """Run a script as a reader would, and return what it printed."""
    process = await asyncio.create_subprocess_exec(
        *("bash", "-e", "-o", "pipefail", "-c", SHORT_SLEEP + script),
        cwd=folder,
        env={**os.environ, "KEY": KEY, "MODEL": SHAPES.id, **variables},  # noqa: TID251 - PATH
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, script
    return output.decode()


@pytest.mark.parametrize(("number", "file"), [(0, "modelslab.mp4"), (1, "novita.mp4")])
async def test_the_commands_of_the_docs_lead_to_a_video(
    premises: Premises, tmp_path: Path, number: int, file: str
) -> None:
    await run(COMMANDS[number], tmp_path, URL=premises.url)
    assert (tmp_path / file).read_bytes() == VIDEO


def test_the_docs_have_no_other_commands_to_run() -> None:
    assert len(COMMANDS) == 2


async def until_there(
    premises: Premises, path: str, folder: Path, variables: Mapping[str, str]
) -> dict[str, Any]:
    """Ask after a job, by the page's own command, until it has a file; return the answer."""
    while True:
        told = json.loads(await run(command(premises, path), folder, **variables))
        links = told.get("output") or told.get("videos")
        if links:
            return told


def command(premises: Premises, path: str) -> str:
    ((method, operation),) = DOCUMENT["paths"][path].items()
    return curl_of(method, path, operation).replace(BASE, premises.url)


@pytest.mark.parametrize("name", [one.name for one in OPERATIONS if one.links])
async def test_the_commands_of_the_page_lead_to_a_video(
    premises: Premises, tmp_path: Path, name: str
) -> None:
    (submit,) = (one for one in OPERATIONS if one.name == name)
    (link,) = submit.links.values()
    (fetch,) = (one for one in OPERATIONS if one.name == link["operationId"])
    asked = json.loads(await run(command(premises, submit.path), tmp_path))
    variables = {"ID": str(asked.get("id") or asked["task_id"])}
    told = await until_there(premises, fetch.path, tmp_path, variables)
    url = told["output"][0] if "output" in told else told["videos"][0]["video_url"]
    token = re.sub(r".*/files/(.*)\.\w+$", r"\1", url)
    await run(command(premises, "/files/{token}.{format}"), tmp_path, TOKEN=token)
    assert (tmp_path / "video.mp4").read_bytes() == VIDEO


@pytest.mark.parametrize("path", ["/v3/model", "/api/v4/dreambooth/model_list"])
async def test_the_commands_of_the_page_list_the_models(
    premises: Premises, tmp_path: Path, path: str
) -> None:
    assert SHAPES.id in await run(command(premises, path), tmp_path)
