"""Teaches the decoder to draw from what the denoiser really makes.

A denoiser's latents are a little wrong everywhere, and most of all along outlines. A drawn clip is
noised until its outlines are gone but its places are not, and denoised again: then the clip and
the denoiser's version of it are known, and the decoder learns to draw the one from the other.
"""

import random
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_motion_model import UNetMotionModel
from torch import Tensor

from training.shapes.learning import vae
from training.shapes.learning.denoiser import guided
from training.shapes.learning.lessons import CaptionBank
from training.shapes.learning.loop import Step
from training.shapes.learning.schedule import noisy
from training.shapes.learning.vae import Pictures
from training.shapes.learning.workshop import Workshop
from training.shapes.networks.folder import STEPS
from training.shapes.networks.latents import SCALING_FACTOR, latents_of
from training.shapes.networks.parts import scheduler
from training.shapes.scenes.draw import FRAMES, draw
from training.shapes.scenes.world import WHOLE

BEGIN = (400, 700)  # noise levels at which outlines are gone and places are not


@torch.no_grad()
def make_drafts(
    unet: UNetMotionModel,
    bank: CaptionBank,
    silence: Tensor,
    *,
    clips: int,
    rng: random.Random,
    generator: torch.Generator,
) -> Pictures:
    """Draw clips and let the denoiser make them again: the drawn pixels, and its code of them.

    Args:
        unet: The denoiser.
        bank: Captions of training scenes.
        silence: What the encoder makes of an empty caption, (1, positions, width).
        clips: How many.
        rng: Chooses captions and noise levels.
        generator: Draws clips and noise.
    """
    made = [_draft(unet, bank, silence, rng, generator) for _ in range(clips)]
    pixels = torch.cat([each.pixels for each in made])
    return Pictures(pixels=pixels, code=torch.cat([each.code for each in made]))


def _draft(
    unet: UNetMotionModel,
    bank: CaptionBank,
    silence: Tensor,
    rng: random.Random,
    generator: torch.Generator,
) -> Pictures:
    scene, told = bank.one(rng)
    pixels = draw([scene], generator=generator).pixels
    clean = latents_of(pixels).transpose(1, 2)
    steps: Any = scheduler()
    steps.set_timesteps(STEPS)
    left = [int(each) for each in steps.timesteps if each <= rng.randint(*BEGIN)]
    noise = torch.randn(clean.shape, generator=generator)
    latents, _ = noisy(clean, noise, torch.tensor(left[:1]))
    latents = latents.to(silence.device)
    text = torch.cat([told.to(silence.device), silence]).repeat_interleave(FRAMES, dim=0)
    for time in left:
        latents = steps.step(guided(unet, latents, time, text), time, latents).prev_sample
    code = latents[0].transpose(0, 1).cpu() / SCALING_FACTOR
    return Pictures(pixels=pixels[0] * 2 - 1, code=code)


def finish_decoder(shop: Workshop, module: AutoencoderKL, drafts: Pictures) -> None:
    """Train the decoder on drafts, and on drawn pictures so that it forgets none of them."""
    shop.say("The decoder learns to draw from what the denoiser makes")
    module.requires_grad_(requires_grad=False)
    taught: list[Any] = [module.decoder, module.post_quant_conv]
    for part in taught:
        part.requires_grad_(requires_grad=True)

    def loss_of(step: Step) -> Tensor:
        count = shop.crew.share(shop.plan.decoder.batch)
        given = drafts.some(count, step.rng).to(shop.crew.device)
        loss = vae.decoder_loss(module, given, step.generator)
        if step.number % 3:
            return loss
        drawn = vae.pictures(WHOLE, 2 * count, step.rng, step.generator, cropped=True)
        return loss + vae.decoder_loss(module, drawn.to(shop.crew.device), step.generator) / 2

    shop.train(module, loss_of, "decoder")
