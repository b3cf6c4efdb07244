"""The examples of the v4 document, run as they stand there: only host and key are others.

`examples/` holds them word for word. Those whose language is not on this machine are skipped.
"""

import asyncio
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.web.modelslab.conftest import DOCUMENTED, FIRST_NUMBER, KEY, House

EXAMPLES = Path(__file__).parent / "examples"
HOST = "https://stablediffusionapi.com"
RUN_S = 40.0

CURL = """curl --silent --show-error --location \\
--request POST 'https://stablediffusionapi.com/api/v4/dreambooth/text2video' \\
--header 'Content-Type: application/json' \\
--data-raw '{body}'
"""
JAVA = """import okhttp3.*;
public class Example {{
    public static void main(String[] arguments) throws Exception {{
{example}
System.out.println(response.body().string());
    }}
}}
"""


@dataclass(frozen=True, kw_only=True)
class Language:
    """How an example is run, and what says that it can be.

    Attributes:
        example: Its file; the document has none for curl but the first line.
        file: What it is called when it is run.
        command: Before the name of the file.
        probe: A command that succeeds if all is there that it needs.
        needs: What that is.
    """

    example: str
    file: str
    command: list[str]
    probe: list[str]
    needs: str


LANGUAGES = {
    "curl": Language(
        example="", file="curl.sh", command=["sh"], probe=["curl", "--version"], needs="curl"
    ),
    "python": Language(
        example="python.txt",
        file="example.py",
        command=[sys.executable],
        probe=[sys.executable, "-c", "import requests"],
        needs="requests",
    ),
    "javascript": Language(
        example="fetch.txt",
        file="example.js",
        command=["node"],
        probe=["node", "-e", "fetch"],
        needs="node 18",
    ),
    "node": Language(
        example="request.txt",
        file="example.js",
        command=["node"],
        probe=["node", "-e", "require('request')"],
        needs="node and its package `request` on NODE_PATH",
    ),
    "php": Language(
        example="php.txt",
        file="example.php",
        command=["php"],
        probe=["php", "-r", "curl_init();"],
        needs="php with curl",
    ),
    "java": Language(
        example="okhttp.txt",
        file="Example.java",
        command=["java"],
        probe=["javap", "okhttp3.OkHttpClient"],
        needs="a JDK and OkHttp on CLASSPATH",
    ),
}


async def run(*command: str, cwd: Path) -> tuple[int, str, str]:
    """Run a command to its end; return its code, what it printed, and its complaints."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        out, complaints = await asyncio.wait_for(process.communicate(), RUN_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, out.decode(), complaints.decode()


def written(language: Language, base: str) -> str:
    """Return an example with another host and key."""
    if not language.example:
        body = json.dumps({"key": KEY, **DOCUMENTED, "model_id": "your_model_id"})
        return CURL.replace("{body}", body).replace(HOST, base)
    text = (EXAMPLES / language.example).read_text()
    if language.file.endswith(".java"):
        text = JAVA.format(example=text)
    for quote, colon in (('"', ":"), ('"', " =>"), ('\\"', ":")):
        key = f"{quote}key{quote}{colon} {quote}"
        text = text.replace(f"{key}{quote}", f"{key}{KEY}{quote}")
    return text.replace(HOST, base)


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("no_proxy", "*")


@pytest.mark.usefixtures("no_proxy")
@pytest.mark.parametrize("name", LANGUAGES)
async def test_an_example_of_the_document_gets_the_documented_answer(
    house: House, tmp_path: Path, name: str
) -> None:
    language = LANGUAGES[name]
    if shutil.which(language.probe[0]) is None or (await run(*language.probe, cwd=tmp_path))[0]:
        pytest.skip(f"this machine lacks {language.needs}")
    house.aliases["*"] = "shapes"
    (tmp_path / language.file).write_text(written(language, house.base))
    code, said, complaints = await run(*language.command, language.file, cwd=tmp_path)
    assert code == 0, complaints
    answer: dict[str, Any] = json.loads(said)
    assert answer["status"] == "processing", said
    assert answer["id"] == FIRST_NUMBER
    meta = answer["meta"]
    assert (meta["model_id"], meta["steps"], meta["num_frames"]) == ("shapes", 30, 40)
    assert (await house.fetch(answer["id"]))["status"] == "processing"
