"""Runs the stages one after the other, each from where it was stopped."""

import random
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.models.unets.unet_motion_model import UNetMotionModel
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from training.shapes.learning import denoiser, text, vae
from training.shapes.learning.extras import train_embedding, train_lora
from training.shapes.learning.finish import finish_decoder, make_drafts
from training.shapes.learning.lessons import CaptionBank
from training.shapes.learning.loop import Step
from training.shapes.learning.plan import SEED, Plan
from training.shapes.learning.schedule import (
    draw_early_times,
    draw_outline_times,
    draw_times,
)
from training.shapes.learning.sheets import Painter
from training.shapes.learning.workshop import Workshop
from training.shapes.networks import parts
from training.shapes.networks.folder import (
    Trained,
    read_autoencoder,
    read_denoiser,
    read_text_encoder,
    write_folder,
)
from training.shapes.networks.latents import SCALING_FACTOR
from training.shapes.networks.tokens import tokenizer as make_tokenizer
from training.shapes.scenes.draw import FRAMES
from training.shapes.scenes.world import WHOLE

SHOWN_TO_VAE = 48  # pictures that say how well it draws
CLIP_STAGES = {
    "paths": "The motion modules learn where a figure is in which frame",
    "clips": "The motion modules learn to move figures",
    "outlines": "The whole denoiser learns clean outlines",
}
TIMES = {"paths": draw_early_times, "clips": draw_times, "outlines": draw_outline_times}


def train_all(shop: Workshop, out: Path, *, start: Path | None = None) -> None:
    """Train every part of the model and write its folder.

    Args:
        shop: Where, how long and with whom.
        out: The folder to write; the extras are written beside it.
        start: A written folder that is taken as it is; only outlines are trained further.
    """
    tokenizer = make_tokenizer()
    encoder = train_text(shop, tokenizer) if start is None else read_text_encoder(start)
    autoencoder = train_vae(shop) if start is None else read_autoencoder(start)
    bank = read_captions(shop, tokenizer, encoder)
    painter = Painter(
        tokenizer=tokenizer, text_encoder=encoder, vae=autoencoder, device=shop.crew.device
    )
    if start is None:
        clips = begin_clips(train_images(shop, bank, painter))
        train_clips(shop, bank, clips, painter, stages=("paths", "clips", "outlines"))
    else:
        clips = read_denoiser(start)
        train_clips(shop, bank, clips, painter, stages=("outlines",))
    train_decoder(shop, bank, clips, painter)
    train_lora(shop, clips, bank, out.parent)
    train_embedding(shop, clips, encoder, make_tokenizer(), out.parent)
    if shop.crew.leads:
        parts_of = Trained(
            tokenizer=tokenizer,
            text_encoder=encoder.cpu(),
            vae=autoencoder.cpu(),
            unet=clips.cpu(),
        )
        write_folder(out, parts_of, shop.plan.world)


def train_text(shop: Workshop, tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """Train the text encoder: from nearly every layer, each attribute of a caption can be told."""
    shop.say("The text encoder learns to read")
    torch.manual_seed(SEED)
    encoder = shop.crew.place(parts.text_encoder(tokenizer))
    readings = shop.crew.place(text.Readings(parts.TEXT_WIDTH))
    both = nn.ModuleDict({"encoder": encoder, "readings": readings})

    def loss_of(step: Step) -> Tensor:
        captions = text.captions_of(WHOLE, step.rng)  # also what this plan does not draw
        said = [next(captions) for _ in range(shop.crew.share(shop.plan.text.batch))]
        length = text.LONG if step.number % 6 == 0 else text.SHORT
        ids = text.ids_of(tokenizer, [each.text for each in said], length).to(shop.crew.device)
        classes = torch.tensor([text.meaning(each) for each in said], device=shop.crew.device)
        states = text.hidden_states(encoder, ids)
        read = [
            readings.loss(
                text.after_the_end(each, ids, text.end_of(tokenizer), step.generator), classes
            )
            for each in states[text.FIRST_TAUGHT :]
        ]
        return torch.stack(read).mean() + read[-1]

    shop.train(both, loss_of, "text")
    return encoder


def train_vae(shop: Workshop) -> AutoencoderKL:
    """Train the encoder and the decoder towards the given code."""
    shop.say("The autoencoder learns to draw")
    torch.manual_seed(SEED)
    module = shop.crew.place(parts.autoencoder(scaling_factor=SCALING_FACTOR))

    def loss_of(step: Step) -> Tensor:
        cropped = step.number % 4 != 0
        count = shop.crew.share(shop.plan.vae.batch // (1 if cropped else 4))
        given = vae.pictures(WHOLE, count, step.rng, step.generator, cropped=cropped).to(
            shop.crew.device
        )
        loss = vae.decoder_loss(module, given, step.generator)
        return loss if cropped else loss + vae.encoder_loss(module, given)

    shop.train(module, loss_of, "vae")
    step = Step.of(SEED, "psnr", 0, 0)
    drawn = vae.pictures(WHOLE, SHOWN_TO_VAE, step.rng, step.generator, cropped=False)
    shop.say(f"It draws with {vae.psnr(module, drawn.to(shop.crew.device)):.1f} dB")
    return module


def read_captions(shop: Workshop, tokenizer: CLIPTokenizer, encoder: CLIPTextModel) -> CaptionBank:
    """Write and read the captions of this process."""
    seed = SEED + shop.crew.rank
    return CaptionBank.read(tokenizer, encoder, shop.plan.world, size=shop.plan.captions, seed=seed)


def train_images(shop: Workshop, bank: CaptionBank, painter: Painter) -> UNet2DConditionModel:
    """Train the image model on single frames."""
    shop.say("The image model learns colours and shapes")
    torch.manual_seed(SEED)
    unet = shop.crew.place(parts.unet())

    def loss_of(step: Step) -> Tensor:
        count = shop.crew.share(shop.plan.images.batch)
        lesson = bank.images(count, step.rng, step.generator).to(shop.crew.device)
        return denoiser.image_loss(unet, lesson, step.generator)

    shop.train(unet, loss_of, "images", look=partial(painter.sheet, unet, frames=1))
    return unet


def begin_clips(images: UNet2DConditionModel) -> UNetMotionModel:
    """Return an image model with fresh motion modules in it."""
    torch.manual_seed(SEED)
    motion = parts.motion_adapter()
    denoiser.prepare_motion(motion)
    return parts.video_unet(images.cpu(), motion)


def train_clips(
    shop: Workshop,
    bank: CaptionBank,
    unet: UNetMotionModel,
    painter: Painter,
    *,
    stages: Sequence[str],
) -> None:
    """Train the motion modules, and the image model with them: where to be, clips, outlines."""
    unet = shop.crew.place(unet)
    readings = shop.crew.place(denoiser.PathReadings(unet))
    both = nn.ModuleDict({"unet": unet, "readings": readings})

    def loss_of(step: Step, *, stage: str) -> Tensor:
        share = 1.0 if stage == "paths" else shop.plan.few
        frames = draw_some_frames(step, share=share, plan=shop.plan)
        count = shop.crew.share(shop.plan.clips.batch) * FRAMES // len(frames)
        lesson = bank.clips(count, frames, step.rng, step.generator).to(shop.crew.device)
        loss = denoiser.clip_loss(unet, lesson, frames, step.generator, times=TIMES[stage])
        return loss + denoiser.READINGS * readings.loss(lesson.paths)

    for stage in stages:
        shop.say(CLIP_STAGES[stage])
        shop.train(both, partial(loss_of, stage=stage), stage, look=partial(painter.sheet, unet))
    readings.stop()


def train_decoder(
    shop: Workshop, bank: CaptionBank, unet: UNetMotionModel, painter: Painter
) -> None:
    """Let the decoder see what the denoiser really makes; each process makes drafts of its own."""
    ids = text.ids_of(painter.tokenizer, [""]).to(shop.crew.device)
    with torch.no_grad():
        silence = text.hidden_states(painter.text_encoder, ids)[-1]
    step = Step.of(SEED, "drafts", 0, shop.crew.rank)
    drafts = make_drafts(
        unet, bank, silence, clips=shop.plan.drafts, rng=step.rng, generator=step.generator
    )
    finish_decoder(shop, painter.vae, drafts)


def draw_some_frames(step: Step, *, share: float, plan: Plan) -> list[int]:
    """Return the frames that a step of the whole crew looks at: all, or a few of more clips."""
    rng = random.Random(f"{SEED} frames {step.number}")
    count = plan.few_frames if rng.random() < share else FRAMES
    return denoiser.draw_frames(count, rng)
