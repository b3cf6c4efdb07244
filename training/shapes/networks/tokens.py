"""Makes the tokenizer: CLIP's layout, a small vocabulary that also knows words it cannot draw."""

from collections import Counter
from itertools import pairwise
from typing import Any

from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTokenizer

from training.shapes.scenes.captions import every_wording

POSITIONS = 77  # of CLIP's text encoder
START, END = "<|startoftext|>", "<|endoftext|>"
# Common words of prompts and of English: one token each, so that a long prompt stays short.
COMMON = """
a able about above across after again all along also always among an and animal any apple are
around art as at autumn baby back bad be beach bear beautiful before behind below beside best
between bird blurry boat body book both bottle boy bread bridge bright bubble building but
butterfly by cake camera camp candle car cartoon castle cat chair child city clock close cloud
coat coffee cold computer cook corn cow cup dance dancing dark day deep deer desert dog door
dragon dream dress drink drive duck each earth eat egg elephant empty end evening every eye face
fall family fantasy far fast feather field fire fish flag floor flower fly flying fog food for
forest fox friend frog from front fruit full funny galaxy garden girl glass gold good grass great
grey ground group guitar hair hand happy hat he head high hill him his home horse hot house how
human ice idea in inside into is island it its jungle just key king kitchen kite knight lake lamp
landscape last leaf left light like line lion long look love low machine magic man many map market
middle milk mirror moon morning mountain mouse mouth music near neon new night no nose not now
ocean of off old on only open or other out outside over owl paint painting panda paper park path
people person photo piano picture plane planet plant play portrait pot princess queen quiet rabbit
rain rainbow read realistic red right river road robot rock roof room round running sad sand sea
she ship shoe short show sitting sky sleep slow smile smoke snake snow soft some song space spring
standing stone storm story street style summer sun sunset sunrise surfing swim table tall tea that
the their them then there they thing this tiger time to top tower town toy train tree turtle two
ugly umbrella under up very video view village walk walking wall warm was water wave we west whale
what wheel when where white wide wild wind window wing winter wish with without wizard wolf woman
wood word world worst year yes you young zebra quality deformed text watermark logo cropped frame
frames static noise background foreground scene shot
""".split()  # noqa: SIM905 - a list of 440 lines would be no easier to read


def tokenizer() -> CLIPTokenizer:
    """Return the tokenizer: 256 bytes, the same as ends of words, merges, START and END."""
    letters = sorted(ByteLevel.alphabet())
    merges = _merges(_words())
    vocabulary = [*letters, *(f"{letter}</w>" for letter in letters)]
    vocabulary += [first + second for first, second in merges]
    vocabulary += [START, END]
    # By file names the vocabulary would silently be lost (transformers 5): pass the values.
    pairs: Any = merges  # typed as strings, wanted as pairs
    return CLIPTokenizer(
        vocab={word: number for number, word in enumerate(vocabulary)},
        merges=pairs,
        model_max_length=POSITIONS,
    )


def _words() -> list[str]:
    wordings = " ".join(every_wording()).lower().replace("-", " ").replace(",", " ")
    return sorted({*wordings.split(), *COMMON})


def _merges(words: list[str]) -> list[tuple[str, str]]:
    """Return byte-pair merges, the most frequent pair first, until every word is one token.

    This is the procedure of Sennrich et al. 2016 (arXiv:1508.07909), without a limit.
    """
    split = [[*word[:-1], f"{word[-1]}</w>"] for word in words]
    merges: list[tuple[str, str]] = []
    while pairs := Counter(pair for parts in split for pair in pairwise(parts)):
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        split = [_merged(parts, best) for parts in split]
    return merges


def _merged(parts: list[str], pair: tuple[str, str]) -> list[str]:
    out: list[str] = []
    for part in parts:
        if out and (out[-1], part) == pair:
            out[-1] += part
        else:
            out.append(part)
    return out
