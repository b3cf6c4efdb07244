"""Our prompt encoder, held against CLIP's text encoder written out by hand.

torch is loaded by the fixtures only: collecting these tests must stay cheap.
"""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from jobs.request import Segment
from tests.local.videos import SHAPES

pytestmark = pytest.mark.filterwarnings("ignore")  # torch's own warnings

LAYERS, HEADS, WIDTH, ROOM = 12, 2, 16, 75
SWIRL = ("<swirl>", "<swirl>_1", "<swirl>_2")  # a textual inversion of three vectors


@pytest.fixture(scope="module")
def torch() -> Any:
    import torch  # noqa: PLC0415 - see above

    torch.set_num_threads(1)
    return torch


@pytest.fixture(scope="module")
def prompt() -> Any:
    from providers.local.engine import prompt  # noqa: PLC0415 - see above

    return prompt


@pytest.fixture(scope="module")
def pipe(torch: Any) -> Any:
    """A text encoder of twelve thin random layers, with the embedded model's tokenizer."""
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer  # noqa: PLC0415

    tokenizer = CLIPTokenizer.from_pretrained(SHAPES / "tokenizer")
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=2 * WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    torch.manual_seed(0)
    model = CLIPTextModel(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # its own beginning is too even to show a mistake
            parameter.copy_(0.3 * torch.randn_like(parameter))
        model.final_layer_norm.bias.add_(
            0.5
        )  # a mean that the weights must keep, as SD 1.5 has one
    return SimpleNamespace(tokenizer=tokenizer, text_encoder=model)


@pytest.fixture(scope="module")
def dressed(pipe: Any, torch: Any) -> Any:
    """The same with a textual inversion of three vectors."""
    import copy  # noqa: PLC0415 - beside its only use

    tokenizer, model = copy.deepcopy(pipe.tokenizer), copy.deepcopy(pipe.text_encoder)
    tokenizer.add_tokens(list(SWIRL))
    torch.manual_seed(1)
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    return SimpleNamespace(tokenizer=tokenizer, text_encoder=model)


@pytest.fixture(scope="module")
def by_hand(torch: Any) -> Any:
    """Return a function that computes CLIP's states from its weights, in double precision.

    As in "Learning Transferable Visual Models From Natural Language Supervision", 2.4: layers of
    masked attention and an MLP behind a norm each. `skip` is how many of the last are left out.
    """

    def norm(name: str, weights: Any, x: Any) -> Any:
        centred = x - x.mean(-1, keepdim=True)
        even = centred / (centred.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt()
        return even * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def linear(name: str, weights: Any, x: Any) -> Any:
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def attention(name: str, weights: Any, x: Any) -> Any:
        length, size = len(x), WIDTH // HEADS
        query, key, value = (
            linear(f"{name}.{part}_proj", weights, x).reshape(length, HEADS, size).transpose(0, 1)
            for part in "qkv"
        )
        scores = query @ key.transpose(1, 2) / size**0.5
        future = torch.ones(length, length, dtype=torch.bool).triu(1)
        mixed = scores.masked_fill(future, -torch.inf).softmax(-1) @ value
        return linear(f"{name}.out_proj", weights, mixed.transpose(0, 1).reshape(length, WIDTH))

    def states(model: Any, ids: Sequence[int], *, skip: int = 0) -> Any:
        weights = {name: value.double() for name, value in model.state_dict().items()}
        x = weights["embeddings.token_embedding.weight"][list(ids)]
        x = x + weights["embeddings.position_embedding.weight"]
        for number in range(LAYERS - skip):
            at = f"encoder.layers.{number}"
            x = x + attention(f"{at}.self_attn", weights, norm(f"{at}.layer_norm1", weights, x))
            wide = linear(f"{at}.mlp.fc1", weights, norm(f"{at}.layer_norm2", weights, x))
            x = x + linear(f"{at}.mlp.fc2", weights, wide * (1.702 * wide).sigmoid())
        return norm("final_layer_norm", weights, x)

    return states


@pytest.fixture
def encode(prompt: Any) -> Any:
    """Return a function that encodes parts of 8 frames each: the states of both prompts."""

    def run(pipe: Any, *prompts: str, negative: str = "", skip: int = 1, loop: bool = False) -> Any:
        segments = [Segment(prompt=text, frames=8) for text in prompts]
        encoder = prompt.PromptEncoder(pipe, clip_skip=skip)
        return encoder.encode(segments, negative, frames=8 * len(prompts), is_loop=loop)

    return run


def ids_of(pipe: Any, *words: str) -> list[int]:
    """Return the one token of each word, with what CLIP puts around them."""
    tokenizer = pipe.tokenizer
    known = tokenizer.get_vocab()
    ids = [known.get(f"{word}</w>", known.get(word)) for word in words]
    ending = [tokenizer.eos_token_id] * (ROOM + 1 - len(ids))
    return [tokenizer.bos_token_id, *ids, *ending]


def same(one: Any, other: Any) -> bool:
    return one.shape == other.shape and bool((one.double() - other).abs().max() < 1e-4)


@pytest.mark.parametrize(("asked", "left_out"), [(1, 0), (2, 1), (6, 5), (12, 11)])
def test_clip_skip_leaves_out_one_layer_less_than_its_number_on_both_prompts(
    pipe: Any, encode: Any, by_hand: Any, asked: int, left_out: int
) -> None:
    positive, negative = encode(pipe, "a red ball", negative="blue", skip=asked)
    model = pipe.text_encoder
    words = ids_of(pipe, "a", "red", "ball")
    assert same(positive[0], by_hand(model, words, skip=left_out))
    assert same(negative[0], by_hand(model, ids_of(pipe, "blue"), skip=left_out))
    assert not same(positive[0], by_hand(model, words, skip=left_out - 1 if left_out else 1))


def test_more_clip_skip_than_there_are_layers_keeps_the_first(pipe: Any, encode: Any) -> None:
    assert (encode(pipe, "a", skip=13)[0] == encode(pipe, "a", skip=12)[0]).all()


def test_a_weight_multiplies_its_words_states_and_the_mean_stays(
    pipe: Any, encode: Any, by_hand: Any, torch: Any
) -> None:
    plain = by_hand(pipe.text_encoder, ids_of(pipe, "a", "red", "ball", ",", "blue"))
    weights = torch.ones(ROOM + 2, 1, dtype=torch.double)
    weights[2], weights[3], weights[5] = 1.3 * 1.1, 1.1, 1 / 1.1  # 0 is the start, 1 is "a"
    heavy = plain * weights
    expected = heavy * plain.mean() / heavy.mean()
    assert 1 / 1.43 <= plain.mean() / heavy.mean() <= 1.1
    text = "a ((red:1.3) ball), [blue]"
    assert same(encode(pipe, text)[0][0], expected)
    assert same(encode(pipe, "", negative=text)[1][0], expected)


def test_weights_of_1_change_no_bit(pipe: Any, encode: Any) -> None:
    plain, bracketed = (encode(pipe, text)[0] for text in ("a red ball", "a (red:1.0) ([ball])"))
    assert (plain == bracketed).all()


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_where_there_is_no_mean_to_keep_weights_stay_in_their_range(
    prompt: Any, torch: Any, dtype: str
) -> None:
    torch.manual_seed(2)
    states = torch.randn(1, 3, 64)
    states = (states - states.mean(-1, keepdim=True)).to(getattr(torch, dtype))
    for case in (states, torch.zeros_like(states)):
        found = prompt.weighted(case, [1.0, 1.5, 0.5])
        assert found.dtype == case.dtype
        assert found.isfinite().all()
        assert (found.abs() <= 3.1 * case.abs()).all()


def test_a_long_prompt_is_read_piece_by_piece(pipe: Any, encode: Any, by_hand: Any) -> None:
    """77 words: a comma is the 61st token, so the second piece begins behind it."""
    text = " ".join(["red"] * 60) + ", (blue:2) " + " ".join(["ball"] * 16)
    positive, negative = encode(pipe, text, negative="a")
    assert positive.shape == negative.shape == (8, 2 * (ROOM + 2), WIDTH)
    model = pipe.text_encoder
    first = by_hand(model, ids_of(pipe, *["red"] * 60, ","))
    assert same(positive[0][: ROOM + 2], first)
    second = by_hand(model, ids_of(pipe, "blue", *["ball"] * 16))
    heavy = second.clone()
    heavy[1] *= 2
    assert same(positive[0][ROOM + 2 :], heavy * second.mean() / heavy.mean())
    assert same(negative[0][: ROOM + 2], by_hand(model, ids_of(pipe, "a")))
    assert same(negative[0][ROOM + 2 :], by_hand(model, ids_of(pipe)))


def test_75_tokens_are_one_piece_and_76_are_two(pipe: Any, encode: Any) -> None:
    assert encode(pipe, "red " * ROOM)[0].shape[1] == ROOM + 2
    assert encode(pipe, "red " * (ROOM + 1))[0].shape[1] == 2 * (ROOM + 2)


def test_a_word_of_several_tokens_is_not_torn(pipe: Any, encode: Any, by_hand: Any) -> None:
    split = pipe.tokenizer("swirling", add_special_tokens=False).input_ids
    assert len(split) == 2
    positive, _ = encode(pipe, "red " * (ROOM - 1) + "swirling")
    names = pipe.tokenizer.convert_ids_to_tokens(split)
    assert same(positive[0][ROOM + 2 :], by_hand(pipe.text_encoder, ids_of(pipe, *names)))


def test_an_embedding_stands_for_all_its_vectors(dressed: Any, encode: Any, by_hand: Any) -> None:
    positive, negative = encode(dressed, "a <swirl> ball", negative="<swirl>")
    model = dressed.text_encoder
    assert same(positive[0], by_hand(model, ids_of(dressed, "a", *SWIRL, "ball")))
    assert same(negative[0], by_hand(model, ids_of(dressed, *SWIRL)))


def test_a_weight_acts_on_every_vector_of_an_embedding(
    dressed: Any, encode: Any, by_hand: Any
) -> None:
    plain = by_hand(dressed.text_encoder, ids_of(dressed, "a", *SWIRL))
    heavy = plain.clone()
    heavy[2:5] *= 1.4
    positive, _ = encode(dressed, "a (<swirl>:1.4)")
    assert same(positive[0], heavy * plain.mean() / heavy.mean())


def test_an_embedding_is_not_torn_and_stands_wherever_it_is_named(
    dressed: Any, encode: Any, by_hand: Any
) -> None:
    positive, _ = encode(dressed, "<swirl> " + "red " * (ROOM - 5) + "<swirl>")
    model = dressed.text_encoder
    first = ids_of(dressed, *SWIRL, *["red"] * (ROOM - 5))
    assert same(positive[0][: ROOM + 2], by_hand(model, first))
    assert same(positive[0][ROOM + 2 :], by_hand(model, ids_of(dressed, *SWIRL)))


def test_parts_blend_linearly_and_the_last_is_held(pipe: Any, encode: Any, by_hand: Any) -> None:
    model = pipe.text_encoder
    red, blue = (by_hand(model, ids_of(pipe, word)) for word in ("red", "blue"))
    positive, negative = encode(pipe, "red", "blue", negative="a")
    for frame in range(16):
        share = min(frame / 8, 1)
        assert same(positive[frame], (1 - share) * red + share * blue)
        assert same(negative[frame], by_hand(model, ids_of(pipe, "a")))


def test_in_a_loop_the_last_part_blends_back(pipe: Any, encode: Any, by_hand: Any) -> None:
    model = pipe.text_encoder
    red, blue = (by_hand(model, ids_of(pipe, word)) for word in ("red", "blue"))
    positive, _ = encode(pipe, "red", "blue", loop=True)
    for frame in range(8, 16):
        share = (frame - 8) / 8
        assert same(positive[frame], (1 - share) * blue + share * red)


def test_a_short_part_beside_a_long_one_is_filled_with_an_empty_piece(
    pipe: Any, encode: Any, by_hand: Any
) -> None:
    positive, _ = encode(pipe, "red", "ball " * (ROOM + 1))
    model = pipe.text_encoder
    assert same(positive[0][: ROOM + 2], by_hand(model, ids_of(pipe, "red")))
    assert same(positive[0][ROOM + 2 :], by_hand(model, ids_of(pipe)))
    assert same(positive[8][ROOM + 2 :], by_hand(model, ids_of(pipe, "ball")))
