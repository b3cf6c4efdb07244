"""Turns prompts into what the UNet attends to, for every frame of the clip.

diffusers' own encoder cuts prompts at 75 tokens, knows no weights, fails on `clip_skip` with
transformers 5 and applies it to one of the two prompts only. Here prompts of any length are read
in pieces of 75 tokens, weights and `clip_skip` act on both prompts as in AUTOMATIC1111's webui,
and the parts of a prompt blend into each other frame by frame.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from jobs.request import Segment
from providers.local.emphasis import phrases
from providers.local.engine.pieces import Token, pieces_of

END_OF_WORD = "</w>"  # how CLIP's vocabulary marks a token that ends a word


class PromptEncoder:
    """Encodes with a pipeline's tokenizer and text encoder.

    It is made for one render: it knows the textual inversions that are loaded at that time.
    """

    def __init__(self, pipe: Any, *, clip_skip: int) -> None:  # noqa: ANN401 - diffusers' edge
        self._tokenizer = pipe.tokenizer
        self._model = pipe.text_encoder
        self._clip_skip = clip_skip
        self._room = int(self._model.config.max_position_embeddings) - 2
        self._added: dict[str, int] = dict(pipe.tokenizer.added_tokens_encoder)

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
        """Encode texts to the same length, that of the longest: the others get empty pieces."""
        cut = [pieces_of(self._tokens(text), self._room) for text in texts]
        longest = max(len(pieces) for pieces in cut)
        states = [
            self._run(pieces[at] if at < len(pieces) else ())
            for pieces in cut
            for at in range(longest)
        ]
        return torch.cat(states).reshape(len(texts), -1, states[0].shape[-1])

    def _tokens(self, text: str) -> list[Token]:
        return [
            token
            for phrase in phrases(text)
            for token in self._tokens_of(phrase.text, phrase.weight)
        ]

    def _tokens_of(self, text: str, weight: float) -> Iterator[Token]:
        ids = self._tokenizer(text, add_special_tokens=False, verbose=False).input_ids
        names = self._tokenizer.convert_ids_to_tokens(ids)
        for number, name in zip(ids, names, strict=True):
            *first, last = [number, *self._further_vectors(name)]
            yield from (Token(id=vector, weight=weight, ends_word=False) for vector in first)
            yield Token(
                id=last,
                weight=weight,
                ends_word=name in self._added or name.endswith(END_OF_WORD),
                is_comma=name.removesuffix(END_OF_WORD) == ",",
            )

    def _further_vectors(self, name: str) -> Iterator[int]:
        """Yield what stands behind a textual inversion: diffusers calls them `NAME_1` and so on."""
        number = 1
        while (further := self._added.get(f"{name}_{number}")) is not None:
            yield further
            number += 1

    def _run(self, piece: Sequence[Token]) -> Tensor:
        """Run one piece by itself, as a batch would change the last bits: 1 x tokens x channels."""
        tokenizer = self._tokenizer
        padding = [tokenizer.pad_token_id] * (self._room - len(piece))
        ids = [token.id for token in piece]
        row = [tokenizer.bos_token_id, *ids, tokenizer.eos_token_id, *padding]
        states = self._skipped(torch.tensor([row], device=self._model.device))
        weights = [token.weight for token in piece]
        return weighted(states, [1.0, *weights, *[1.0] * (1 + len(padding))])

    def _skipped(self, row: Tensor) -> Tensor:
        """Leave out the last layers: 1 is none, 2 the last, ...; the first always runs.

        The final norm is applied all the same, as in the webui: the UNet was trained behind it.
        """
        if self._clip_skip == 1:
            return self._model(row).last_hidden_state
        hidden = self._model(row, output_hidden_states=True).hidden_states
        layer = hidden[-min(self._clip_skip, len(hidden) - 1)]
        return self._model.final_layer_norm(layer)


def weighted(states: Tensor, weights: Sequence[float]) -> Tensor:
    """Multiply each token's states by its weight, and all of them so that their mean stays.

    That is what AUTOMATIC1111's webui does by default (its emphasis mode "Original"). As long as
    the means of all tokens have one sign, what keeps the mean lies between the inverses of the
    largest and the smallest weight; where a mean crosses zero it says nothing of size, and is held
    to that range.

    Args:
        states: 1 x tokens x channels.
        weights: One for each token.

    Returns:
        As `states`, and the very same where all weights are 1.
    """
    if all(weight == 1 for weight in weights):
        return states
    exact = states.float()
    heavy = exact * torch.tensor(weights, device=states.device)[:, None]
    kept = exact.mean() / heavy.mean()
    kept = kept.nan_to_num(nan=1.0).clamp(1 / max(weights), 1 / min(weights))
    return (heavy * kept).to(states.dtype)


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
