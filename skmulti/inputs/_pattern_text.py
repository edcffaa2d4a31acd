"""Texts that write several numbers by a pattern: "5 ft 11 in", "10-20", "3/4", "192.168.0.1", "500 g" beside "2 kg".

A pattern is a text with "#" in the place of its numbers. Each number is known by the pattern and its place in it, so
that grams and kilograms are no numbers of one kind.
"""

import re
from collections import Counter

from ._odd import DIFFERENT_VALUES, MOST_SHARE

# No text of a pattern has more characters or letters than this, and no column more patterns.
_LONGEST, _MOST_LETTERS, _MOST_PATTERNS = 40, 8, 4
# Below this many rows a value, each value is learned by itself.
_ROWS_A_VALUE = 10
_BEGINS_WITH_NUMBER = re.compile(r"[^\w#]*#")
_NUMBER = re.compile(r"\d+(?:\.\d+)*")


def read_pattern(text):
    """Return the pattern of a text and its numbers, or None for texts without a number and for long ones."""
    text = text.strip()
    if len(text) > _LONGEST:
        return None
    numbers = []

    def note(match):
        # "1.5" is a number, and "1.10.2" three.
        parts = match[0].split(".")
        numbers.extend(map(float, parts) if len(parts) > 2 else [float(match[0])])
        return ".".join("#" * len(parts)) if len(parts) > 2 else "#"

    pattern = _NUMBER.sub(note, text.casefold())
    return (pattern, numbers) if numbers else None


def as_numbers(text, known=None):
    """Return the numbers of a text by pattern and place, or the text itself if it has none of a known pattern."""
    found = read_pattern(text)
    if found is None or (known is not None and found[0] not in known):
        return text
    return {f"{found[0]} [{i}]": number for i, number in enumerate(found[1])}


def pattern_of(key):
    """Return the pattern of a number, given the key that it has in `as_numbers`; of other keys an empty text."""
    pattern = key.rpartition(" [")[0]
    return pattern if "#" in pattern else ""


def common_patterns(counts):
    """Return those patterns that more cells have than may be odd; `counts` has the cells of each."""
    return sorted(pattern for pattern, count in counts.items() if count > (1 - MOST_SHARE) * counts.total())


def _letters(text):
    """Return the number of letters of a text."""
    return sum(map(str.isalpha, text))


def find_patterns(cells):
    """Return the patterns by which most of some cells write numbers, or an empty list.

    Parameters
    ----------
    cells : sequence of object
        Cells that are not missing.
    """
    found = [read for cell in cells if isinstance(cell, str) and (read := read_pattern(cell))]
    if len(found) < MOST_SHARE * len(cells):
        return []
    # Few values, which come back again and again, are categories.
    different = len({cell for cell in cells if isinstance(cell, str)})
    if different <= max(DIFFERENT_VALUES, len(cells) / _ROWS_A_VALUE):
        return []
    counts = Counter(pattern for pattern, _ in found)
    patterns = common_patterns(counts)
    covered = sum(counts[pattern] for pattern in patterns) >= MOST_SHARE * len(cells)
    # What begins with a letter is a code or an address, whose pieces tell more.
    covered = covered and all(_BEGINS_WITH_NUMBER.match(own) and _letters(own) <= _MOST_LETTERS for own in patterns)
    # A single number is worth a column of its own if words follow it; "5A" is a code, too.
    single = len(patterns) == 1 and patterns[0].count("#") == 1 and not patterns[0].startswith("# ")
    return patterns if covered and not single and len(patterns) <= _MOST_PATTERNS else []
