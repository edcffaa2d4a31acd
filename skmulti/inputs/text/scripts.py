"""Texts of any script, spelled so that their words stand between blanks, and so that equal words have equal bytes.

`tokens` splits texts at the blanks of ASCII. A text with other characters is spelled anew before that, with what
Unicode says of each character: its general category and its compatibility form (``unicodedata``), and the blocks of the
scripts that put no blanks between words.
"""

import re
import unicodedata
from collections import Counter
from functools import cache, lru_cache, partial

# Blocks of scripts without blanks between words. Their letters (general categories L and Nl) become words of their own.
UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19DF),  # Tai Le, New Tai Lue
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x1B00, 0x1B7F),  # Balinese
    (0x2E80, 0x2FDF),  # radicals of Han
    (0x3000, 0x312F),  # iteration marks of Han, Hiragana, Katakana, Bopomofo
    (0x31A0, 0x31FF),  # more Bopomofo, strokes, more Katakana
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0xA4CF),  # Han, Yi
    (0xA980, 0xA9FF),  # Javanese, more Burmese
    (0xAA60, 0xAADF),  # more Burmese, Tai Viet
    (0xF900, 0xFAFF),  # Han for compatibility
    (0xFF66, 0xFF9F),  # Katakana of half width
)
# Beyond the first 65,536 characters, whole blocks: a regular expression tests these one after another, for each letter
# of a text, so that they must be few.
_UNSPACED_BEYOND = "\U0001aff0-\U0001b16f\U00020000-\U0003ffff"
_SYMBOLS_BEYOND = "\U0001d100-\U0001d1ff\U0001f000-\U0001faff"

# Characters of a text that tell its script.
_SCRIPT_LENGTH = 200

_FLAG = "[\U0001f1e6-\U0001f1ff]"
JOINER = "\u200d"
# What changes the emoji before it: the choice of its look, the colour of its skin, a frame, the letters of a flag.
_CHANGES = "\ufe0e\ufe0f\U0001f3fb-\U0001f3ff\u20e3\U000e0020-\U000e007f"
# Pictographs; a flag, or several that are joined to one, count once.
_PICTOGRAPH = f"[\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff][{_CHANGES}]*"
_EMOJI = re.compile(f"{_FLAG}{_FLAG}|{_PICTOGRAPH}(?:{JOINER}{_PICTOGRAPH})*")

# The frame of a key, such as that of the digit 1.
_KEY = "\u20e3"
KEYS = re.compile(f"[0-9#*]\ufe0f?{_KEY}")

APOSTROPHES = re.compile("[\u00b4\u02bc\u02b9\u05f3\u05f4\u2018\u2019\u201b\u2032\uff07]")
# Blanks that are not in ASCII, and the marks that stand for blanks in Tibetan and Ethiopic.
BLANKS = re.compile("[\x85\xa0\u0f0b\u0f0c\u1361\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u3000]")
# What a writer may leave out, or a reader does not see: soft hyphens, directions, choices of a look, the points of
# Hebrew, and the vowel signs and the stretching of Arabic.
OPTIONAL = re.compile(
    "[\xad\u034f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u061c\u0640\u0610-\u061a\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)


def respelling(standardize, split):
    """Return the function that spells the UTF-8 bytes of a text anew, or None if neither of the options is "auto"."""
    if "auto" not in (standardize, split):
        return None
    return partial(_respell_bytes, fold=standardize == "auto", apart=split == "auto")


def _respell_bytes(text, **options):
    return text if text.isascii() else respell(text.decode(), **options).encode()


def respell(text, *, fold=True, apart=True):
    """Return a text in which blanks stand around what is a word of its own.

    Parameters
    ----------
    text : str
        A text. Its characters of ASCII stay as they are, since `tokens` splits and lowers those.
    fold : bool
        Bring spellings that look or mean the same to one (Unicode's form NFKC, folded case, no
        vowel signs of Arabic and Hebrew), and put blanks around punctuation marks and symbols.
    apart : bool
        Put blanks around the characters of scripts without blanks, and around symbols, such as emoji.

    Returns
    -------
    str
        The text; words are separated by blanks of ASCII.
    """
    if fold:
        text = _fold(text)
    if apart:
        text = BLANKS.sub(" ", text)
    if _KEY in text:
        text = KEYS.sub(r" \g<0> ", text)
    runs, words = patterns(fold, apart)
    return runs.sub(lambda run: f" {' '.join(words.findall(run[0]))} ", text)


def words_of(text):
    """Return the words of a text: in lower case, cut at each mark, characters of scripts without blanks alone.

    What has neither a letter or digit nor an emoji in it is left out.
    """
    words = re.split(r"[\s!-/:-@\[-`{-~]+", (text if text.isascii() else respell(text)).lower().replace("'", ""))
    return [word for word in words if any(map(str.isalnum, word)) or is_emoji(word)]


def is_unspaced(word):
    """Return whether a word begins with a letter of a script without blanks."""
    return bool(word) and bool(_unspaced().match(word))


def is_emoji(word):
    """Return whether a word begins with a pictograph."""
    return bool(_EMOJI.match(word))


def take_apart(text):
    """Return a text without letters of scripts without blanks, how many of these it had, and how many emoji."""
    rest, n_letters = _unspaced().subn(" ", text)
    return rest, n_letters, len(_EMOJI.findall(text))


def script_of(text):
    """Return the script of most letters at the start of a text, as Unicode names it ("LATIN"), or None without any."""
    letters = [character for character in text[:_SCRIPT_LENGTH] if character.isalpha()]
    if not letters or "".join(letters).isascii():
        return "LATIN" if letters else None
    return Counter(map(_script_of_letter, letters)).most_common(1)[0][0]


@lru_cache(4096)
def _script_of_letter(letter):
    """Return the script of a letter: the first word of its name."""
    return unicodedata.name(letter, "").partition(" ")[0]


def _fold(text):
    """Bring spellings of the same words to one."""
    # First, since NFKC would make a blank of an accent that somebody typed as an apostrophe.
    text = APOSTROPHES.sub("'", text)
    # Twice, since folding the case may leave letters and accents that NFKC joins.
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    text = OPTIONAL.sub("", text)
    return _stray_joiners().sub("", text) if JOINER in text else text


@cache
def patterns(fold, apart):
    """Return two patterns: runs of characters in which words of their own stand, and these words."""
    marks = _characters("P") if fold else ""
    letters, accents = _unspaced_letters() if apart else ("", "")
    emoji = f"[{symbols()}][{_CHANGES}]*"
    words = [f"[{letters}][{accents}]*"] if apart else []
    words += [f"{_FLAG}{_FLAG}", f"{emoji}(?:{JOINER}{emoji})*", "."]
    first = marks + symbols() + letters
    later = f"[{first}{accents}{_CHANGES}]"
    # The first element is a class of characters, which Python's engine looks for without trying the pattern everywhere.
    runs = f"[{first}]{later}*(?:{JOINER}{later}+)*"
    return re.compile(runs), re.compile("|".join(words), re.DOTALL)


@cache
def _stray_joiners():
    """Return the pattern of joiners that join no emoji, as in scripts of India, where they change the look alone."""
    return re.compile(f"(?<![{symbols()}]){JOINER}|{JOINER}(?![{symbols()}])")


@cache
def symbols():
    """Return the class of symbols, emoji among them."""
    return _characters("S") + _SYMBOLS_BEYOND


@cache
def _unspaced():
    return re.compile(f"[{_unspaced_letters()[0]}]")


@cache
def _unspaced_letters():
    """Return two classes of characters: letters of scripts without blanks, and what is written onto such a letter."""
    inside = [code for first, last in UNSPACED for code in range(first, last + 1)]
    letters = [code for code in inside if unicodedata.category(chr(code)) in ("Lo", "Lm", "Nl")]
    accents = [code for code in inside if unicodedata.category(chr(code))[0] == "M"]
    general = "\u0300-\u036f\ufe00-\ufe0f"
    return _ranges(letters) + _UNSPACED_BEYOND, _ranges(accents) + general


@cache
def _characters(category):
    """Return the class of the characters of a major general category, without ASCII and what is beyond 16 bits."""
    return _ranges(code for code in range(0x80, 0x10000) if unicodedata.category(chr(code))[0] == category)


def _ranges(codes):
    """Return ascending codes as ranges within a class of characters."""
    ranges = []
    for code in codes:
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)
