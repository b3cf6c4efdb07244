"""Fetches a model from the Hugging Face Hub, at one commit, in a process of its own.

`python -m providers.local.library.hub REPOSITORY REVISION FILE FOLDER` (see `errand`): no worker
ever downloads, so this runs only where an operator adds a model. An empty REVISION is the newest
one.
The answer is one JSON object on stdout: what was fetched, or an error in one sentence.
"""

import hashlib
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from providers.local.errand import run_errand
from providers.local.library.weights import BrokenFileError

REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
REVISION = re.compile(r"[0-9a-f]{40}")
PARTS = ("text_encoder", "tokenizer", "unet", "vae", "scheduler", "motion_adapter")
CHECKER = ("safety_checker", "feature_extractor")  # taken together, or not at all
WEIGHTS = re.compile(r"(?:model|diffusion_pytorch_model)(?:-\d+-of-\d+)?\.safetensors")
SMALL = re.compile(r"[\w.-]+\.(?:json|txt)")
ENVIRONMENT = {
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
BLOCK = 1024**2  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class HubId:
    """A repository, at a commit if one is given, or one file of it."""

    repository: str
    revision: str = ""
    file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What was fetched, and from which commit."""

    place: Path
    revision: str


def read_hub_id(text: str, *, file: str = "") -> HubId | None:
    """Return the repository that a text names, `owner/name` or `owner/name@commit`, or None."""
    repository, at, revision = text.partition("@")
    if not REPOSITORY.fullmatch(repository) or (at and not REVISION.fullmatch(revision)):
        return None
    return HubId(repository=repository, revision=revision, file=file)


async def fetch(hub_id: HubId, folder: Path, *, python: str, env: Mapping[str, str]) -> Fetched:
    """Fetch what is needed of a repository.

    Args:
        hub_id: What to fetch.
        folder: Where to; it is made.
        python: The interpreter that has huggingface_hub.
        env: Its environment; `HF_ENDPOINT` and `HF_TOKEN` are read from there.

    Raises:
        BrokenFileError: There is no such thing, nothing of it can be used, or it did not arrive.
    """
    arguments = (hub_id.repository, hub_id.revision, hub_id.file, str(folder))
    ended = await run_errand(__name__, *arguments, python=python, env={**env, **ENVIRONMENT})
    lines = ended.output.decode(errors="replace").strip().splitlines()
    try:
        answer: Any = json.loads(lines[-1])
        error = answer.get("error")
    except (ValueError, LookupError, AttributeError) as failure:
        last = ended.errors.decode(errors="replace").strip().rpartition("\n")[2][:200]
        raise BrokenFileError(f"{hub_id.repository} could not be fetched ({last})") from failure
    if error:
        raise BrokenFileError(f"{hub_id.repository} {error}")
    return Fetched(place=folder / answer["place"], revision=answer["revision"])


def wanted(names: Sequence[str], file: str) -> list[str]:
    """Choose the files of a repository that are needed.

    Args:
        names: All that it has.
        file: The one that was asked for, or "".

    Raises:
        BrokenFileError: Nothing can be used, or there is a choice to make.
    """
    names = [name for name in names if ".." not in name and not name.startswith("/")]
    if file:
        if file not in names:
            raise BrokenFileError(f"has no file {file[:100]}")
        if not file.endswith(".safetensors"):
            raise BrokenFileError("has that file, but only .safetensors are taken")
        return [file]
    if "model_index.json" in names:
        return ["model_index.json", *(name for name in names if _belongs(name, names))]
    if "config.json" in names and "diffusion_pytorch_model.safetensors" in names:
        return ["config.json", "diffusion_pytorch_model.safetensors"]
    files = [name for name in names if name.endswith(".safetensors")]
    if len(files) == 1:
        return files
    if files:
        some = ", ".join(files[:5])
        raise BrokenFileError(f"has {len(files)} files to choose from; name one by --file: {some}")
    raise BrokenFileError("has no .safetensors file; pickles are not taken")


def _belongs(name: str, names: Sequence[str]) -> bool:
    """Tell configs and weights of a pipeline's parts; in half precision only for want of other."""
    part, slash, rest = name.partition("/")
    parts = (*PARTS, *CHECKER) if _has_checker(names) else PARTS
    if not slash or part not in parts:
        return False
    if SMALL.fullmatch(rest) or WEIGHTS.fullmatch(rest):
        return True
    full = name.replace(".fp16.safetensors", ".safetensors")
    return name.endswith(".fp16.safetensors") and full not in names


def _has_checker(names: Sequence[str]) -> bool:
    """Tell whether there is a safety checker that is no pickle."""
    files = ("model.safetensors", "model.fp16.safetensors")
    return any(f"{CHECKER[0]}/{file}" in names for file in files)


def main() -> None:
    """Fetch, and print the answer."""
    repository, revision, file, folder = sys.argv[1:]
    hub_id = HubId(repository=repository, revision=revision, file=file)
    try:
        answer = _download(hub_id, Path(folder))
    except BrokenFileError as error:
        answer = {"error": str(error)}
    except Exception as error:  # noqa: BLE001 - the outer edge: libraries raise what they like
        answer = {"error": _explained(error)}
    sys.stdout.write(json.dumps(answer) + "\n")


def _download(hub_id: HubId, folder: Path) -> dict[str, str]:
    try:
        from huggingface_hub import HfApi, hf_hub_download  # noqa: PLC0415 - here only
    except ImportError:
        raise BrokenFileError("needs huggingface_hub: pip install 'flipbook[local]'") from None

    revision = hub_id.revision or None
    info = HfApi().model_info(hub_id.repository, revision=revision, files_metadata=True)
    commit = info.sha or ""
    if not REVISION.fullmatch(commit) or (revision and commit != revision):
        raise BrokenFileError("did not answer with the commit that was asked for")
    siblings = info.siblings or []
    names = wanted([sibling.rfilename for sibling in siblings], hub_id.file)
    hashes = {sibling.rfilename: sibling.lfs.sha256 for sibling in siblings if sibling.lfs}
    for name in names:
        path = hf_hub_download(hub_id.repository, name, revision=commit, local_dir=folder)
        if name in hashes and _sha256(Path(path)) != hashes[name]:
            raise BrokenFileError(f"sent {name} with another hash than it announced")
    is_file = len(names) == 1
    return {"revision": commit, "place": names[0] if is_file else ""}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _explained(error: Exception) -> str:
    """Say in a few words what the Hub, or the way to it, had against it."""
    told = {
        "GatedRepoError": "is gated: accept its terms on the Hub and set HF_TOKEN",
        "RepositoryNotFoundError": "is not on the Hub, or is private",
        "RevisionNotFoundError": "has no such revision",
        "LocalEntryNotFoundError": "could not be fetched: the Hub cannot be reached",
        "OfflineModeIsEnabled": "could not be fetched: HF_HUB_OFFLINE is set",
    }
    kind = type(error).__name__
    return told.get(kind, f"could not be fetched ({kind})")


if __name__ == "__main__":
    main()
