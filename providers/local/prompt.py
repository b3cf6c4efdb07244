"""Turns prompts into what the UNet attends to, for every frame of the clip.

diffusers' own encoder cuts prompts at 75 tokens, fails on `clip_skip` with transformers 5 and
applies it to one of the two prompts only. Here prompts of any length are read in pieces of 75
tokens, `clip_skip` acts on both, and the parts of a prompt blend into each other frame by frame.
"""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from jobs.request import Segment
from providers.local.capabilities import unnamed, words_of

# Appended when `enhance_prompt` is on: fixed words, so the same request is the same video.
STYLE_WORDS = "masterpiece, best quality, highly detailed, cinematic lighting, smooth motion"


def enhanced(prompt: str) -> str:
    """Return a prompt with the style words behind it."""
    return f"{prompt.rstrip(' ,.')}, {STYLE_WORDS}"


def with_tokens(prompt: str, tokens: Mapping[str, str]) -> str:
    """Write the ids of textual inversions, where they stand as words, as their tokens."""
    if not tokens:
        return prompt
    by_name = {name.lower(): token for name, token in tokens.items()}
    return words_of(tokens).sub(lambda match: by_name[match[0].lower()], prompt)


def added_to(
    segments: tuple[Segment, ...], negative: str, embeddings: Sequence[str]
) -> tuple[Segment, ...]:
    """Put embeddings that no prompt names behind every part of the prompt."""
    loose = unnamed(segments, negative, embeddings)
    if not loose:
        return segments
    return tuple(
        part.model_copy(update={"prompt": ", ".join([part.prompt, *loose])}) for part in segments
    )


class PromptEncoder:
    """Encodes with a pipeline's tokenizer and text encoder."""

    def __init__(self, pipe: Any, *, clip_skip: int) -> None:  # noqa: ANN401 - diffusers' edge
        self._pipe = pipe
        self._tokenizer = pipe.tokenizer
        self._model = pipe.text_encoder
        self._clip_skip = clip_skip
        self._room = int(self._model.config.max_position_embeddings) - 2

    @torch.inference_mode()
    def encode(
        self, segments: Sequence[Segment], negative: str, *, frames: int, is_loop: bool
    ) -> tuple[Tensor, Tensor]:
        """Return the states for every frame, with and without the negative prompt.

        Args:
            segments: Prompts and how many frames each holds.
            negative: What to keep out, the same for all frames.
            frames: Of the clip.
            is_loop: The last part blends back into the first.

        Returns:
            Two tensors of frames x tokens x channels: prompt, negative prompt.
        """
        texts = [segment.prompt for segment in segments]
        states = self._states([*texts, negative])
        starts = [0, *accumulate(segment.frames or 0 for segment in segments[:-1])]
        travelled = travel(states[:-1], starts, frames=frames, is_loop=is_loop)
        return travelled, states[-1:].expand(frames, -1, -1)

    def _states(self, texts: Sequence[str]) -> Tensor:
        """Encode texts to the same length: that of the longest, in pieces of 75 tokens."""
        tokens = [self._tokens(text) for text in texts]
        pieces = max(1, *(-(-len(ids) // self._room) for ids in tokens))
        rows = [
            self._piece(ids[at * self._room : (at + 1) * self._room])
            for ids in tokens
            for at in range(pieces)
        ]
        states = torch.cat([self._run(row) for row in rows])
        return states.reshape(len(texts), pieces * states.shape[1], -1)

    def _tokens(self, text: str) -> list[int]:
        text = self._pipe.maybe_convert_prompt(text, self._tokenizer)
        return self._tokenizer(text, add_special_tokens=False, verbose=False).input_ids

    def _piece(self, ids: list[int]) -> Tensor:
        tokenizer = self._tokenizer
        padding = [tokenizer.pad_token_id] * (self._room - len(ids))
        row = [tokenizer.bos_token_id, *ids, tokenizer.eos_token_id, *padding]
        return torch.tensor([row], device=self._model.device)

    def _run(self, row: Tensor) -> Tensor:
        """Run one piece by itself: a batch would change the last bits."""
        if self._clip_skip == 1:
            return self._model(row).last_hidden_state
        hidden = self._model(row, output_hidden_states=True).hidden_states
        layer = hidden[-min(self._clip_skip, len(hidden) - 1)]
        return self._model.final_layer_norm(layer)


def travel(states: Tensor, starts: Sequence[int], *, frames: int, is_loop: bool) -> Tensor:
    """Blend the states of prompt parts linearly from start to start.

    Args:
        states: Parts x tokens x channels.
        starts: The frame at which each part stands alone; the first is 0.
        frames: Of the clip.
        is_loop: The last part blends back into the first; otherwise it is held.

    Returns:
        Frames x tokens x channels.
    """
    following = [*range(1, len(starts)), 0 if is_loop else len(starts) - 1]
    ends = [*starts[1:], frames]
    rows: list[Tensor] = []
    for part, (start, end, after) in enumerate(zip(starts, ends, following, strict=True)):
        if after == part:
            rows.append(states[part].expand(end - start, -1, -1))
            continue
        way = torch.linspace(0, 1, end - start + 1, dtype=states.dtype)[:-1, None, None]
        rows.append(torch.lerp(states[part][None], states[after][None], way.to(states.device)))
    return torch.cat(rows)
