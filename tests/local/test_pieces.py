"""Where a long prompt is cut."""

from hypothesis import given, settings
from hypothesis import strategies as st

from providers.local.engine.pieces import REACH, Token, pieces_of

ROOM = 75
WORD = Token(id=1)
COMMA = Token(id=2, is_comma=True)
INSIDE = Token(id=3, ends_word=False)
LINES = st.lists(st.sampled_from([WORD, WORD, COMMA, INSIDE]), max_size=300)


def lengths(tokens: list[Token]) -> list[int]:
    return [len(piece) for piece in pieces_of(tokens, ROOM)]


def test_what_fits_is_one_piece() -> None:
    assert lengths([]) == [0]
    assert lengths([WORD] * ROOM) == [ROOM]
    assert lengths([WORD] * (ROOM + 1)) == [ROOM, 1]


def test_a_cut_goes_back_to_a_comma_that_is_near() -> None:
    line = [WORD] * 60 + [COMMA] + [WORD] * 30
    assert lengths(line) == [61, 30]
    near = ROOM - REACH
    assert lengths([WORD] * (near - 1) + [COMMA] + [WORD] * 30) == [near, 30]
    assert lengths([WORD] * (near - 2) + [COMMA] + [WORD] * 30) == [ROOM, near + 29 - ROOM]


def test_without_a_comma_the_cut_is_between_words() -> None:
    line = [WORD] * 70 + [INSIDE] * 9 + [WORD] * 5
    assert lengths(line) == [70, 14]


def test_a_word_longer_than_a_piece_is_cut_where_the_piece_ends() -> None:
    assert lengths([WORD] + [INSIDE] * 200) == [1, ROOM, ROOM, 50]


@settings(deadline=None)
@given(LINES)
def test_every_token_is_in_one_piece_and_in_order(line: list[Token]) -> None:
    pieces = pieces_of(line, ROOM)
    assert [token for piece in pieces for token in piece] == line
    assert all(len(piece) <= ROOM for piece in pieces)
    assert all(len(piece) > 0 for piece in pieces) or pieces == ([],)


@settings(deadline=None)
@given(LINES)
def test_no_word_is_torn_that_fits_into_a_piece(line: list[Token]) -> None:
    for piece in pieces_of(line, ROOM)[:-1]:
        assert piece[-1].ends_word or not any(token.ends_word for token in piece)
