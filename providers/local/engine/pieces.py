"""Cuts a long prompt into pieces that the text encoder can read, and tears no word.

CLIP reads 75 tokens at a time. A cut falls behind a comma if there is one among the last 20
tokens of a piece, as in AUTOMATIC1111's webui, and else between two words; the vectors of a
textual inversion count as one word. No torch here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# How far a cut goes back for a comma: the webui's setting `comma_padding_backtrack`, 20.
REACH = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One token of a prompt.

    Attributes:
        id: Its row in the table of embeddings.
        weight: By how much its state is multiplied.
        ends_word: The next token belongs to another word.
        is_comma: It is a comma.
    """

    id: int
    weight: float = 1.0
    ends_word: bool = True
    is_comma: bool = False


def pieces_of(tokens: Sequence[Token], room: int) -> tuple[Sequence[Token], ...]:
    """Return a prompt's tokens in pieces of at most `room`; no tokens are one empty piece."""
    return tuple(_cut(tokens, room))


def _cut(tokens: Sequence[Token], room: int) -> Iterator[Sequence[Token]]:
    while len(tokens) > room:
        end = _end_of_piece(tokens[:room])
        yield tokens[:end]
        tokens = tokens[end:]
    yield tokens


def _end_of_piece(tokens: Sequence[Token]) -> int:
    """Return how many of the tokens that fit are taken; all, if they are one endless word."""
    ends = range(len(tokens), 0, -1)
    for end in ends[: REACH + 1]:
        if tokens[end - 1].is_comma:
            return end
    return next((end for end in ends if tokens[end - 1].ends_word), len(tokens))
