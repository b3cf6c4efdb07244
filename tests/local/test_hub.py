"""Models of the Hub: one commit is resolved and pinned, and only what is needed is fetched.

The Hub is a stand-in on loopback that speaks as much of its protocol as huggingface_hub uses.
"""

import argparse
import hashlib
import json
import shutil
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typing_extensions import override

from bot.model_options import add_arguments
from bot.models import models
from bot.settings import load_settings
from jobs.errors import RequestError
from providers.local.library.hub import HubId, read_hub_id, wanted
from providers.local.library.registry import read_registry
from providers.local.library.weights import BrokenFileError
from tests.local.videos import SHAPES
from tests.local.weightless import lora, write

NEWEST, OLDER = "a" * 40, "b" * 40
DIFFUSERS = ["model_index.json", "README.md", "unet/config.json", "vae/config.json"]


class FakeHub(ThreadingHTTPServer):
    """Serves repositories from folders, each at two commits."""

    def __init__(self, root: Path) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.root = root
        self.lie = ""  # the name of a file whose hash is announced wrongly
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answers(BaseHTTPRequestHandler):
    server: FakeHub  # pyright: ignore[reportIncompatibleVariableOverride] - it is ours

    def do_GET(self) -> None:
        self.answer(with_body=True)

    def do_HEAD(self) -> None:
        self.answer(with_body=False)

    def answer(self, *, with_body: bool) -> None:
        self.server.asked.append(self.path)
        parts = self.path.partition("?")[0].strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            self.tell("/".join(parts[2:4]), parts[5] if len(parts) > 5 else NEWEST)
            return
        path = self.server.root / "/".join(parts[:2]) / "/".join(parts[4:])
        if parts[2] != "resolve" or not path.is_file():
            self.send(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        content = path.read_bytes()
        headers = {"X-Repo-Commit": parts[3], "ETag": f'"{hashlib.sha256(content).hexdigest()}"'}
        self.send(200, content, headers, with_body=with_body)

    def tell(self, repository: str, revision: str) -> None:
        folder = self.server.root / repository
        if not folder.is_dir() or revision not in (NEWEST, OLDER):
            kind = "RepoNotFound" if not folder.is_dir() else "RevisionNotFound"
            self.send(404, b"{}", {"X-Error-Code": kind})
            return
        siblings = [
            self.sibling(path, str(path.relative_to(folder)))
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        ]
        body = {"id": repository, "sha": revision, "siblings": siblings}
        self.send(200, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def sibling(self, path: Path, name: str) -> dict[str, object]:
        size, content = path.stat().st_size, path.read_bytes()
        digest = "0" * 64 if name == self.server.lie else hashlib.sha256(content).hexdigest()
        lfs = {"sha256": digest, "size": size, "pointerSize": 134}
        weights = {"lfs": lfs} if path.suffix == ".safetensors" else {}
        return {"rfilename": name, "size": size, "blobId": "c" * 40, **weights}

    def send(
        self, status: int, body: bytes, headers: dict[str, str], *, with_body: bool = True
    ) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body and self.command != "HEAD":
            self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Be quiet."""


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[FakeHub]:
    server = FakeHub(tmp_path / "hub")
    thread = threading.Thread(target=server.serve_forever, name="hub")
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def add(data: Path, *words: str) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    settings = load_settings(FLIPBOOK_DATA_DIR=str(data))
    assert await models(settings, parser.parse_args(["add", *words])) == 0


async def test_a_repository_is_pinned_to_its_newest_commit(hub: FakeHub, tmp_path: Path) -> None:
    write(hub.root / "painter" / "ink" / "pytorch_lora_weights.safetensors", lora())
    (hub.root / "painter" / "ink" / "README.md").write_text("x")
    await add(tmp_path / "data", "painter/ink")
    item = read_registry(tmp_path / "data" / "models").loras["ink"]
    assert (item.source.name, item.source.revision) == ("painter/ink", NEWEST)
    assert not any("README" in path for path in hub.asked)
    names = {path.name for path in (tmp_path / "data" / "models").iterdir()}
    assert names == {"loras", "registry.json", ".lock"}


async def test_a_pinned_commit_is_the_one_that_is_fetched(hub: FakeHub, tmp_path: Path) -> None:
    shutil.copytree(SHAPES, hub.root / "painter" / "twin")
    await add(tmp_path / "data", f"painter/twin@{OLDER}", "--id", "other")
    item = read_registry(tmp_path / "data" / "models").models["other"]
    assert item.source.revision == OLDER
    assert (tmp_path / "data" / "models" / "other" / "tokenizer" / "tokenizer.json").is_file()
    assert any(f"/resolve/{OLDER}/unet/" in path for path in hub.asked)


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["painter/nobody"], "painter/nobody is not on the Hub, or is private."),
        ([f"painter/two@{'c' * 40}"], "painter/two has no such revision."),
        (["painter/two"], "has 2 files to choose from; name one by --file"),
        (["painter/two", "--file", "c.safetensors"], "painter/two has no file c.safetensors."),
        (["painter/pickled"], "has no .safetensors file; pickles are not taken"),
        (["painter/lie"], "sent lie.safetensors with another hash than it announced"),
    ],
)
async def test_what_the_hub_cannot_give_is_one_sentence_and_leaves_nothing(
    hub: FakeHub, tmp_path: Path, words: list[str], fault: str
) -> None:
    hub.lie = "lie.safetensors"
    for name in ("two/a", "two/b", "lie/lie"):
        write(hub.root / "painter" / f"{name}.safetensors", lora())
    write(hub.root / "painter" / "pickled" / "a.ckpt", lora())
    with pytest.raises(RequestError) as caught:
        await add(tmp_path / "data", *words)
    assert fault in str(caught.value)
    assert [path.name for path in (tmp_path / "data" / "models").iterdir()] == [".lock"]


async def test_a_hub_that_is_not_there_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(RequestError, match=r"painter/ink could not be fetched \(ConnectError\)"):
        await add(tmp_path / "data", "painter/ink")


@pytest.mark.parametrize("text", ["ink", "a/b/c", "../x", "a/b@main", "a/b@", "/a/b", "a/b@ABC"])
def test_what_is_no_repository_is_taken_for_a_path(text: str) -> None:
    assert read_hub_id(text) is None


def test_a_repository_and_its_commit_are_read() -> None:
    assert read_hub_id("a/b") == HubId(repository="a/b")
    assert read_hub_id(f"a/b@{OLDER}") == HubId(repository="a/b", revision=OLDER)


def test_half_precision_is_fetched_only_where_there_is_no_other() -> None:
    names = [
        *DIFFUSERS,
        "unet/diffusion_pytorch_model.fp16.safetensors",
        "vae/diffusion_pytorch_model.fp16.safetensors",
        "vae/diffusion_pytorch_model.safetensors",
        "v1-5-pruned.safetensors",
        "unet/../../x.json",
    ]
    assert wanted(names, "") == [
        *("model_index.json", "unet/config.json", "vae/config.json"),
        "unet/diffusion_pytorch_model.fp16.safetensors",
        "vae/diffusion_pytorch_model.safetensors",
    ]


CHECKER = [
    "safety_checker/config.json",
    "safety_checker/model.safetensors",
    "feature_extractor/preprocessor_config.json",
]


def test_a_safety_checker_is_fetched_with_how_its_pictures_are_prepared() -> None:
    names = [*DIFFUSERS, *CHECKER, "safety_checker/pytorch_model.bin"]
    assert wanted(names, "")[-3:] == CHECKER


def test_of_a_safety_checker_that_is_a_pickle_nothing_is_fetched() -> None:
    pickled = [name.replace("model.safetensors", "pytorch_model.bin") for name in CHECKER]
    assert wanted([*DIFFUSERS, *pickled], "") == wanted(DIFFUSERS, "")


def test_a_motion_module_is_fetched_as_a_folder() -> None:
    names = ["config.json", "diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin"]
    assert wanted(names, "") == names[:2]
    with pytest.raises(BrokenFileError, match=r"only \.safetensors"):
        wanted(names, "diffusion_pytorch_model.bin")
