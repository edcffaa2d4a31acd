"""Awkward cells for each encoder, and the tensors of a frame's columns as a client makes them."""

import io

import numpy as np
import pandas as pd
import tensorflow as tf
from PIL import Image

MISSING = "\\N"


def tensors_of(columns, frame):
    """Return the tensors of a frame; `columns` is the list of inputs in columns.json."""
    tensors = {}
    for column in columns:
        cells = frame[column["column"]].tolist()
        if column["lengths"]:
            rows = [column["missing"] if _is_missing(cell) else list(cell) for cell in cells]
            flat = [entry for row in rows for entry in row]
            shape = (-1, *column["shape"][1:])
            values = np.array(flat, object if column["dtype"] == "string" else column["dtype"]).reshape(shape)
            tensors[column["lengths"]] = tf.constant([len(row) for row in rows], tf.int64)
        elif column["dtype"] == "string":
            values = np.array([MISSING if _is_missing(cell) else _as_bytes(cell) for cell in cells], dtype=object)
        else:
            blank = np.full(column["shape"][1:], np.nan)
            values = np.array([blank if _is_missing(cell) else cell for cell in cells], column["dtype"])
        tensors[column["tensor"]] = tf.constant(values, column["dtype"])
    return tensors


def _is_missing(cell):
    return cell is None or (np.ndim(cell) == 0 and not isinstance(cell, str | bytes) and bool(pd.isna(cell)))


def _as_bytes(cell):
    return cell if isinstance(cell, bytes) else str(cell).encode("utf-8", "replace")


def picture(mode="RGB", size=(20, 14), form="PNG", exif=None, seed=0, **options):
    """Return the content of a file with a smooth picture."""
    rng = np.random.default_rng(seed)
    channels = {"1": 1, "L": 1, "P": 3, "RGB": 3, "RGBA": 4, "LA": 2, "CMYK": 4, "I;16": 1}[mode]
    small = rng.integers(0, 256, (4, 5, channels), dtype="uint8")
    parts = [Image.fromarray(small[:, :, i]).resize(size, Image.Resampling.BICUBIC) for i in range(channels)]
    if mode == "I;16":
        image = Image.fromarray(np.asarray(parts[0]).astype("uint16") * 257)
    elif mode in ("1", "P"):
        image = (parts[0] if mode == "1" else Image.merge("RGB", parts)).convert(mode)
    else:
        image = Image.merge(mode, parts) if channels > 1 else parts[0]
    if exif:
        tags = Image.Exif()
        tags[0x0112] = exif
        options["exif"] = tags
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


TEXTS = [
    "Good, good food! It's 5 stars.",
    "",
    " ",
    "\t\n ",
    "\0",
    "a\0b good",
    None,
    "😀😀👍🏽 good 👨‍👩‍👧 1️⃣",
    "好吃\uff0c不好吃 good",
    "naïve café",
    "nai\u0308ve cafe\u0301",
    "ﬁne \uff27\uff4f\uff4f\uff44 STRASSE straße",
    "the the the the the the the the the the the the",
    "ราคาดี ดี",
    "שָׁלוֹם",
    "مُحَمَّد",
    "🇩🇪🇫🇷🇪 x",
    "a\u200db 👩\u200d👩\u200d👧\u200d",
    "≠ = ① ½",
    "unseen words only",
    "e\u0302\u0323 \u1112\u1161\u11ab글",
    "don\u2019t don't",
    "\uffff good",
    "A-B_C/d",
    "x" * 300,
    "good\u00a0food\u3000bad",
    "İstanbul",
    "ends with \\",
    "{}[]()*+?.|^$",
]
CITIES = [
    "Rome",
    "Oslo",
    " Rome ",
    "ROME",
    "",
    "\0",
    None,
    "Orle\u0301ans",
    "Orléans",
    "東京",
    "😀",
    "new",
    "Rome\0",
    "nan",
    "\u3000Oslo",
]
CODES = ["1", "2", "2.50", "1.0", "2.0", "2.5", "007", "1e5", None, "-0", " 1", "1.00", "x", "true"]
NUMBERS = [1.0, -2.5, 0.0, -0.0, np.nan, None, 1e30, -1e30, 1e308, 5e-324, 123456789.123, 3.0, 2**53, -9999.0]
PRICES = [
    "$1,234.50",
    "12",
    "-3",
    "($5)",
    "$ 7",
    "USD 8",
    None,
    "n/a",
    "",
    "1e3",
    "$1.5k",
    "?",
    "+4",
    "\u22126",
    " $9 ",
    ".5",
    "1,000,000",
]
COMMAS = ["1,5 kg", "2.000,25 kg", "3", None, "-4,0", "unknown", "5 KG", "0,001 kg"]
MANY_PRICES = [*(f"${n},{n}" for n in range(100, 130)), "n/a", None]
MANY_WATCHES = [*(f"{n}:{n + 5}" for n in range(24, 50)), None]
WATCHES = ["1 day 02:30:00", "25:00", "30:15:02.5", None, "-1 days +23:59:59", "-02:00", "soon", "100:00:00"]
DAYS = [
    "2024-02-29",
    "2024-12-31 23:59:59.5",
    "2023-01-01T00:00:00Z",
    "2024-07-01T12:00:00+02:00",
    None,
    "1969-12-31",
    "2000-03-01",
    "1900-01-01",
    "2024-07-01T12:00:00-0530",
]
EUROPEAN = [
    "31/12/2023",
    "01/02/2024",
    None,
    "13/04/2024 7:05 pm",
    "2024-05-06",
    "15/08/2024 12:00 am",
    "soon",
    "28/02/2024 08:00",
]
TAGS = [
    "drama|action",
    "drama",
    "",
    None,
    "action|drama|drama",
    "noir|drama",
    " action | drama ",
    "|",
    "drama,action",
    "😀|drama",
    "new",
]
