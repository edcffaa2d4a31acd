"""Tables of text for a terminal: no line is longer than the terminal, and no cell is cut."""

import shutil
import unicodedata

# Blanks between two columns.
_GAP = 2
# A column is not made narrower than this as long as another one can be.
_LEAST = 6


def text_table(headings, rows, *, width=100, indent=""):
    """Return a table as lines of text; long cells are wrapped.

    Parameters
    ----------
    headings : sequence of str
        Headings of the columns.
    rows : iterable of sequence
        Cells of each row.
    width : int
        The most characters of a line.
    indent : str
        What each line begins with.

    Returns
    -------
    str
        The lines.
    """
    cells = [[plain_line(cell) for cell in row] for row in [headings, *rows]]
    widths = _fit_widths([list(column) for column in zip(*cells, strict=True)], width - len(indent))
    lines = []
    for row in cells:
        parts = [wrap(cell, room) for cell, room in zip(row, widths, strict=True)]
        for i in range(max(map(len, parts))):
            words = [part[i] if i < len(part) else "" for part in parts]
            padded = [text + " " * (room - text_width(text)) for text, room in zip(words, widths, strict=True)]
            lines.append((indent + (" " * _GAP).join(padded)).rstrip())
    return "\n".join(lines)


def terminal_width(least=40, most=100):
    """Return the characters of a line of the terminal, within limits."""
    return min(max(shutil.get_terminal_size((most, 24)).columns, least), most)


def plain_line(value):
    """Return a value as one line that a terminal shows as it is."""
    # What is not printed, such as the codes that colour a terminal, is written out.
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in " ".join(str(value).split()))


def text_width(text):
    """Return how many places of a terminal a text takes: letters of Chinese take two, accents none."""
    return sum(
        0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "WF") for letter in text
    )


def wrap(text, width):
    """Return a text as lines of at most so many places; a word that is longer is broken."""
    lines, line = [], ""
    for word in text.split(" "):
        if line and text_width(line) + 1 + text_width(word) <= width:
            line = f"{line} {word}"
            continue
        if line:
            lines.append(line)
        while text_width(word) > width:
            head = _head(word, width)
            lines.append(word[:head])
            word = word[head:]
        line = word
    return [*lines, line] if line or not lines else lines


def _head(word, width):
    """Return how many letters of a long word to put on a line: up to a mark if there is one, at least one letter."""
    most = 1
    while most < len(word) and text_width(word[: most + 1]) <= width:
        most += 1
    marks = [i + 1 for i in range(most // 2, most) if word[i] in ",_-/.=(["]
    return marks[-1] if marks else most


def _fit_widths(columns, room):
    """Return a width for each column, so that all of them fit into a line if that is possible."""
    room -= _GAP * (len(columns) - 1)
    widths = [max(map(text_width, column)) for column in columns]
    # A column gives up what is over its fair share; what narrow columns leave of theirs goes to the others.
    fair, left = dict.fromkeys(range(len(columns))), room
    open_columns = sorted(range(len(columns)), key=lambda i: widths[i])
    for place, i in enumerate(open_columns):
        fair[i] = min(widths[i], max(left // (len(open_columns) - place), 1))
        # Not in the middle of a name if others have sentences to wrap.
        word = min(max((text_width(word) for cell in columns[i] for word in cell.split(" ")), default=1), widths[i])
        if place < len(open_columns) - 1 and fair[i] < word <= left - _LEAST * (len(open_columns) - place - 1):
            fair[i] = word
        left -= fair[i]
    return [fair[i] for i in range(len(columns))]
