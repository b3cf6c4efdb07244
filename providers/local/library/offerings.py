"""Finds out what a path holds that an operator wants to add, and which of its files are needed.

Nothing else is copied: no pickles, no code, no caches, nothing that a link fetches from elsewhere.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from providers.local.library.families import SD15_WIDTH, Family, Found, base_of_width
from providers.local.library.folder import CHECKER, NEEDED, WEIGHTS, check_folder, parts_of
from providers.local.library.headers import PICKLES, read_header
from providers.local.library.motion import WEIGHTS as MOTION_WEIGHTS
from providers.local.library.motion import recognise_motion
from providers.local.library.recognition import recognise
from providers.local.library.roots import CONFIGS
from providers.local.library.staging import Pick
from providers.local.library.taggings import clean
from providers.local.library.weights import BrokenFileError, is_inside, read_json

PLAIN = ("StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline")
OWN = "AnimateDiffPipeline"
SMALL = ("*.json", "*.txt")  # configs, vocabularies, merges
EXTRACTOR = "feature_extractor"  # how a checker's pictures are prepared
PARTS = (*NEEDED, "motion_adapter", "image_encoder")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offering:
    """What can be added.

    Attributes:
        found: What it is.
        pick: The files it needs.
        name: How it is called where it comes from.
    """

    found: Found
    pick: Pick
    name: str


def look_at(path: Path) -> Offering:
    """Find out what a file or folder is.

    Raises:
        BrokenFileError: It is nothing that can be used; the message says why.
    """
    name = path.name or path.absolute().name
    if not path.is_dir():
        found = recognise(read_header(path, name), name)
        return Offering(found=found, pick=Pick(files={"": path}), name=path.stem)
    if (path / "model_index.json").exists():
        return _pipeline(path, name)
    if (path / "config.json").exists():
        return _motion_folder(path, name)
    return look_at(_only_file(path, name))


def recognise_place(place: Path, told: str) -> tuple[Found, tuple[Path, ...]]:
    """Return what a place in the models folder holds, and its files of weights in order.

    Args:
        place: A folder or file.
        told: Names that say whether a motion module was distilled.

    Raises:
        BrokenFileError: It is broken.
    """
    if place.is_file():
        found = recognise(read_header(place, place.name), place.name)
        is_motion = found.family is Family.MOTION
        return recognise_motion(place, told) if is_motion else found, (place,)
    if (place / "model_index.json").exists():
        body = check_folder(place)
        has_checker = body.checker is not None
        found = _found_pipeline(body.width, has_motion=body.has_motion, has_checker=has_checker)
        return found, body.weights
    return recognise_motion(place, told), (place / MOTION_WEIGHTS,)


def _only_file(folder: Path, name: str) -> Path:
    """Return the one file of weights that a folder holds.

    Raises:
        BrokenFileError: There is none, or a choice.
    """
    files = sorted(folder.glob("*.safetensors"))
    if len(files) > 1:
        some = ", ".join(clean(path.name, 80) for path in files[:3])
        raise BrokenFileError(f"{name} holds {len(files)} files ({some}); name one of them")
    if files and is_inside(files[0], folder):
        return files[0]
    if files:
        raise BrokenFileError(f"{files[0].name} is a link that leads elsewhere")
    pickles = [path for path in folder.iterdir() if path.suffix.lower() in PICKLES]
    if pickles:
        raise BrokenFileError(f"{name} holds only pickles; only .safetensors are taken")
    raise BrokenFileError(f"{name} holds neither a model_index.json nor a .safetensors file")


# Folders


def _pipeline(folder: Path, name: str) -> Offering:
    index = read_json(folder / "model_index.json", "model_index.json")
    kind = clean(str(index.get("_class_name")), 60)
    if kind not in (OWN, *PLAIN):
        raise BrokenFileError(f"{name} is a {kind}, not a model of Stable Diffusion 1.5")
    _check_unet(folder)
    texts = {} if kind == OWN else _texts_for_motion(folder)
    named = parts_of(folder).keys() if kind == OWN else NEEDED
    files: dict[str, Path] = {}
    brought = [part for part in (CHECKER, EXTRACTOR) if (folder / part).is_dir()]
    for part in [*(part for part in PARTS if part in named), *brought]:
        files |= _part(folder, part)
    for top in ("model_index.json", "flipbook.json"):
        if (folder / top).exists():
            files[top] = folder / top
    kept = {target: source for target, source in files.items() if target not in texts}
    _check_inside(kept, folder)
    has_motion = kind == OWN and ("motion_adapter" in named or _is_moving_unet(folder))
    width = _number(folder / "unet" / "config.json", "cross_attention_dim")
    found = _found_pipeline(width, has_motion=has_motion, has_checker=CHECKER in brought)
    return Offering(found=found, pick=Pick(files=kept, texts=texts), name=name)


def _found_pipeline(width: int, *, has_motion: bool, has_checker: bool) -> Found:
    parts = ("UNet", "VAE", "text encoder", *(("motion module",) if has_motion else ()))
    parts = (*parts, *(("safety checker",) if has_checker else ()))
    return Found(
        family=Family.CHECKPOINT,
        layout="diffusers folder",
        width=width,
        parts=parts,
        has_motion=has_motion,
    )


def _check_unet(folder: Path) -> None:
    """Refuse folders of another base, unless they bring a motion module of their own.

    Raises:
        BrokenFileError: It is one.
    """
    if (folder / "motion_adapter").is_dir() or _is_moving_unet(folder):
        return
    config = folder / "unet" / "config.json"
    width, inputs = _number(config, "cross_attention_dim"), _number(config, "in_channels")
    if width != SD15_WIDTH:
        raise BrokenFileError(
            f"{folder.name} was made for {base_of_width(width)}, not for Stable Diffusion 1.5"
        )
    if inputs != 4:
        raise BrokenFileError(f"{folder.name} is an inpainting model, which AnimateDiff cannot use")


def _is_moving_unet(folder: Path) -> bool:
    config = read_json(folder / "unet" / "config.json", "unet/config.json")
    return config.get("_class_name") == "UNetMotionModel"


def _number(path: Path, key: str) -> int:
    value = read_json(path, f"{path.parent.name}/{path.name}").get(key)
    return value if isinstance(value, int) else 0


def _texts_for_motion(folder: Path) -> dict[str, str]:
    """Return index and scheduler of a still-image model as AnimateDiff needs them.

    Its motion modules were trained on `linear` betas; what the model predicts stays its own.
    """
    sd15 = CONFIGS / "sd15"
    index = read_json(sd15 / "model_index.json", "model_index.json")
    index["motion_adapter"] = [None, None]
    target = "scheduler/scheduler_config.json"
    scheduler = read_json(sd15 / target, target)
    own = read_json(folder / target, target) if (folder / target).exists() else {}
    predicts = own.get("prediction_type")
    if predicts in ("epsilon", "v_prediction", "sample"):
        scheduler["prediction_type"] = predicts
    return {
        "model_index.json": json.dumps(index, indent=2),
        target: json.dumps(scheduler, indent=2),
    }


def _part(folder: Path, part: str) -> dict[str, Path]:
    """Return the files of one part by their paths at the new place.

    Raises:
        BrokenFileError: Its weights are missing.
    """
    place = folder / part
    if not place.is_dir():
        raise BrokenFileError(f"{part}/ is missing")
    small = [path for pattern in SMALL for path in sorted(place.glob(pattern))]
    files = {f"{part}/{path.name}": path for path in small if not _is_index(path)}
    stem = WEIGHTS.get(part)
    return files | (_weights(place, stem) if stem else {})


def _is_index(path: Path) -> bool:
    return path.name.endswith(".index.json")


def _weights(place: Path, stem: str) -> dict[str, Path]:
    """Return a part's weights: one file, one in half precision, or a split one with its index."""
    part = place.name
    target = f"{part}/{stem}.safetensors"
    for name in (f"{stem}.safetensors", f"{stem}.fp16.safetensors"):
        if (place / name).is_file():
            return {target: place / name}
    index = place / f"{stem}.safetensors.index.json"
    pieces = sorted(place.glob(f"{stem}-*-of-*.safetensors"))
    if index.is_file() and pieces:
        return {f"{part}/{path.name}": path for path in (index, *pieces)}
    if any(path.suffix in PICKLES for path in place.iterdir()):
        raise BrokenFileError(f"{part}/ holds its weights as pickles; only .safetensors are taken")
    raise BrokenFileError(f"{target} is missing")


def _motion_folder(folder: Path, name: str) -> Offering:
    config = read_json(folder / "config.json", "config.json")
    kind = clean(str(config.get("_class_name")), 60)
    if kind != "MotionAdapter":
        raise BrokenFileError(f"{name} is a {kind} alone, which Flipbook cannot use")
    weights = [folder / MOTION_WEIGHTS, folder / "diffusion_pytorch_model.fp16.safetensors"]
    path = next((path for path in weights if path.is_file()), _only_file(folder, name))
    files = {"config.json": folder / "config.json", MOTION_WEIGHTS: path}
    _check_inside(files, folder)
    found = recognise(read_header(path, path.name), f"{name} {path.name}")
    if found.family is not Family.MOTION:
        raise BrokenFileError(f"{path.name} is no motion module")
    return Offering(found=found, pick=Pick(files=files), name=name)


def _check_inside(files: Mapping[str, Path], folder: Path) -> None:
    for target, path in files.items():
        if not is_inside(path, folder):
            raise BrokenFileError(f"{target} is a link that leads elsewhere")
        if not path.is_file():
            raise BrokenFileError(f"{target} is no file")
        if path.suffix == ".safetensors":
            read_header(path, target)
