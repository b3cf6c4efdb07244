"""Trains what can be put onto the model: a LoRA ("neon") and a textual inversion ("lime").

The LoRA draws every shape as an outline on black, whatever background is asked for. The textual
inversion is a colour that no caption names. Both are files as diffusers writes them.
"""

import random
from pathlib import Path
from typing import Any

import torch
from diffusers.models.unets.unet_motion_model import UNetMotionModel
from diffusers.pipelines.animatediff.pipeline_animatediff import AnimateDiffPipeline
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.func import functional_call
from transformers import CLIPTextModel, CLIPTokenizer

from training.shapes.learning import denoiser
from training.shapes.learning.lessons import CaptionBank, lesson_of
from training.shapes.learning.loop import Step
from training.shapes.learning.text import LONG, ids_of
from training.shapes.learning.workshop import Workshop
from training.shapes.scenes.captions import COLOURS, caption
from training.shapes.scenes.draw import Look
from training.shapes.scenes.world import PALETTE, Colour, Scene

LORA, EMBEDDING = "neon", "lime"
RANK = 8
# The spatial layers alone: motion stays as it is.
TARGETS = (
    r"^(?!.*motion_modules).*\.(to_q|to_k|to_v|to_out\.0|net\.0\.proj|net\.2|conv1|conv2|conv)$"
)
NEON = Look(outline=0.16, background=PALETTE[Colour.BLACK])
LIME = Look(figure=(0.62, 0.90, 0.15))  # between yellow and green
BETWEEN = ("yellow", "green")
VECTORS = 1  # tokens that stand for the new word
FRAMES = (0, 5, 10, 15)


def train_lora(shop: Workshop, unet: UNetMotionModel, bank: CaptionBank, out: Path) -> None:
    """Train the LoRA and write `loras/neon.safetensors` under `out`; the model stays as it was."""
    shop.say("A LoRA learns to draw outlines")
    unet.requires_grad_(requires_grad=False)
    unet.add_adapter(
        LoraConfig(r=RANK, lora_alpha=RANK, init_lora_weights="gaussian", target_modules=TARGETS)
    )
    bank = bank.looking(NEON)

    def loss_of(step: Step) -> Tensor:
        count = shop.crew.share(shop.plan.lora.batch)
        lesson = bank.clips(count, FRAMES, step.rng, step.generator).to(shop.crew.device)
        return denoiser.clip_loss(unet, lesson, FRAMES, step.generator)

    shop.train(unet, loss_of, "lora")
    if shop.crew.leads:
        layers = get_peft_model_state_dict(unet)
        AnimateDiffPipeline.save_lora_weights(
            out / "loras",
            unet_lora_layers={name: each.half().cpu() for name, each in layers.items()},
            weight_name=f"{LORA}.safetensors",
        )
    unet.unload_lora()


class Word(nn.Module):
    """A new word: the vectors that stand for its tokens."""

    def __init__(self, encoder: CLIPTextModel, tokenizer: CLIPTokenizer) -> None:
        super().__init__()
        table = _table_of(encoder)
        ids = [tokenizer.convert_tokens_to_ids(f"{word}</w>") for word in BETWEEN]
        self.vectors = nn.Parameter(table[ids].mean(0).repeat(VECTORS, 1))
        self._tokens = [f"<{EMBEDDING}_{number}>" for number in range(VECTORS)]

    @property
    def text(self) -> str:
        """The word as a caption spells it."""
        return " ".join(self._tokens)

    def teach(self, tokenizer: CLIPTokenizer) -> None:
        """Let a tokenizer know the tokens, at the end of its vocabulary."""
        tokenizer.add_tokens(self._tokens)

    def read(self, encoder: CLIPTextModel, ids: Tensor) -> Tensor:
        """Return the encoder's last states of captions that may hold the word."""
        known = _table_of(encoder)
        name = next(name for name, each in encoder.named_parameters() if each is known)
        table = torch.cat([known, self.vectors])
        return functional_call(encoder, {name: table}, (ids,)).last_hidden_state


def _table_of(encoder: CLIPTextModel) -> Tensor:
    embeddings: Any = encoder.get_input_embeddings()
    return embeddings.weight


def train_embedding(
    shop: Workshop,
    unet: UNetMotionModel,
    encoder: CLIPTextModel,
    tokenizer: CLIPTokenizer,
    out: Path,
) -> None:
    """Train the new word and write `embeddings/lime.safetensors` under `out`."""
    shop.say("A new word learns what colour it is")
    unet.requires_grad_(requires_grad=False)
    encoder.requires_grad_(requires_grad=False)
    word = shop.crew.place(Word(encoder, tokenizer))
    word.teach(tokenizer)
    colours = {**COLOURS, Colour.GREEN: (word.text,)}

    def loss_of(step: Step) -> Tensor:
        count = shop.crew.share(shop.plan.embedding.batch)
        scenes = [_green_figure(shop, step.rng) for _ in range(count)]
        texts = [caption(each, step.rng, complete=True, colours=colours).text for each in scenes]
        ids = ids_of(tokenizer, texts, LONG).to(shop.crew.device)
        read = word.read(encoder, ids)
        lesson = lesson_of(scenes, read, FRAMES, step.generator, look=LIME).to(shop.crew.device)
        return denoiser.clip_loss(unet, lesson, FRAMES, step.generator)

    shop.train(word, loss_of, "embedding")
    if shop.crew.leads:
        path = out / "embeddings" / f"{EMBEDDING}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({f"<{EMBEDDING}>": word.vectors.detach().cpu()}, path)


def _green_figure(shop: Workshop, rng: random.Random) -> Scene:
    """Return a scene whose one figure is green and stands for the new colour."""
    while True:
        scene = shop.plan.world.training_scene(rng)
        if [each.colour for each in scene.figures] == [Colour.GREEN]:
            return scene
