"""Folds text for comparison: what looks the same reads the same, and every place leads back.

Whoever wants to slip a word past a list writes it with letters of other alphabets, in other
widths, or with marks between the letters that nobody sees. Here all of that is folded away, and
each letter that is left remembers which part of the text it stands for.

Letters are folded as Unicode's NFKC and full case folding say (UAX #15, UAX #31 R5). What is
ignored is what UAX #44 calls default ignorable, with all control and format characters, and
combining marks that have no letter of their own. The letters that look like Latin ones are a part
of the table of UTS #39 (https://www.unicode.org/Public/security/latest/confusables.txt), with the
Cyrillic and Greek capitals that look so beside their small letters.
"""

# ruff: noqa: RUF001 - letters that look like others are what this module is about
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_IGNORED = frozenset({0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0}).union(
    range(0x180B, 0x1810), range(0xFE00, 0xFE10), range(0xE0000, 0xE1000)
)
_STRAY_MARKS = frozenset({0x0488, 0x0489}).union(
    range(0x0300, 0x0370),
    range(0x1AB0, 0x1B00),
    range(0x1DC0, 0x1E00),
    range(0x20D0, 0x2100),
    range(0xFE20, 0xFE30),
)  # combining diacritical marks of every block; those of other scripts are letters' own
_JAMO = range(0x1160, 0x1200)  # vowels and finals of Hangul: they belong to the initial before

# What looks like a Latin letter, capitals and small letters each as they look.
_LATIN = {
    "a": "аɑαᴀАΑꭺ",
    "b": "ЬВΒʙƄꮟᏏ",
    "c": "сϲᴄСϹⅽꮯᏟ",
    "d": "ԁɗᴅԀⅾᏧ",
    "e": "еɛεᴇЕΕҽ℮ꭼ",
    "f": "ƒϝꬵꜰϜẝք",
    "g": "ɡցɢԌԍᶃ",
    "h": "һհʜНΗᏂ",
    "i": "іıɩιɪІΙӏᎥꙇ",
    "j": "јϳᴊЈͿ",
    "k": "κкᴋКΚⲔ",
    "l": "ʟⅼӀ",
    "m": "мᴍМΜⅿ",
    "n": "ոռηɴΝпᴨ",
    "o": "оοσօᴏОΟⲟഠ",
    "p": "рρᴘРΡⲣ",
    "q": "ԛգզԚ",
    "r": "гʀᴦⲅꭱꮁ",
    "s": "ѕꜱЅƽՏꮪ",
    "t": "тτᴛТΤ",
    "u": "υսᴜʋՍ",
    "v": "νѵᴠѴⅴ",
    "w": "ԝѡᴡωɯԜա",
    "x": "хχХΧⅹ᙮",
    "y": "уүγʏУΥҮყ",
    "z": "ᴢΖꮓᏃ",
}
_REMEMBERED = 8192  # letters, folded; few prompts have a letter that the last ones had not
_LOOKS_LIKE = {ord(one): latin for latin, others in _LATIN.items() for one in others}


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """A text for comparison.

    Attributes:
        text: Folded; words are parted by single spaces.
        starts: For each of its characters, where in the original its part begins.
        ends: The same, where it ends.
    """

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Return which part of the original a part of the folded text stands for."""
        return self.starts[start], self.ends[end - 1]


def fold(text: str, *, is_by_looks: bool = False) -> Folded:
    """Fold a text.

    Args:
        text: As somebody wrote it.
        is_by_looks: Also read letters that look like Latin ones as those.
    """
    letters: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for start, end in _clusters(text):
        for one in _folded(text[start:end], is_by_looks=is_by_looks):
            if one == " " and (not letters or letters[-1] == " "):
                continue
            letters.append(one)
            starts.append(start)
            ends.append(end)
    if letters and letters[-1] == " ":
        letters.pop()
    count = len(letters)
    return Folded(text="".join(letters), starts=tuple(starts[:count]), ends=tuple(ends[:count]))


def _clusters(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each letter begins and ends, with the marks and invisible ones upon it."""
    start = 0
    for place, one in enumerate(text):
        if place and not _follows(one):
            yield start, place
            start = place
    if text:
        yield start, len(text)


@lru_cache(maxsize=_REMEMBERED)
def _follows(one: str) -> bool:
    if one.isascii():
        return not one.isprintable() and not one.isspace()
    return ord(one) in _JAMO or unicodedata.category(one)[0] == "M" or _is_ignored(one)


def _is_ignored(one: str) -> bool:
    is_control = unicodedata.category(one) in ("Cc", "Cf") and not one.isspace()
    return is_control or ord(one) in _IGNORED


@lru_cache(maxsize=_REMEMBERED)
def _folded(cluster: str, *, is_by_looks: bool) -> str:
    if cluster.isascii() and cluster.isprintable():
        return cluster.lower()
    seen = "".join(one for one in cluster if not _is_ignored(one))
    seen = unicodedata.normalize("NFKC", seen)
    if is_by_looks:
        seen = seen.translate(_LOOKS_LIKE)
    seen = unicodedata.normalize("NFKC", seen.casefold())
    kept = (one for one in seen if ord(one) not in _STRAY_MARKS and not _is_ignored(one))
    return "".join(" " if one.isspace() else one for one in kept)
