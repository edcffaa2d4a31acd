"""Small generated frames of mixed inputs with a known answer, for examples, tests and first steps.

Each frame is drawn from hidden factors, one for each input, so that the best accuracy that any subset of the inputs
can reach can be computed. Nothing is downloaded.
"""

import io
import json
from numbers import Integral
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

__all__ = ["make_listings", "make_prices", "make_questions", "write_sensor_files"]

# City scores are odd and heating scores even: their sum is never zero, and as likely positive as negative.
_CITY_NAMES = ("Ashford", "Brookton", "Carlow", "Dunmore", "Eastham", "Fairview", "Glenwood", "Harlow")
_CITIES = dict(zip(_CITY_NAMES, range(-7, 8, 2), strict=True))
_HEATINGS = {"oil": -4, "electric": -2, "gas": 2, "heat pump": 4}

_WORDS = {
    1: ("sunny", "quiet", "renovated", "spacious", "cosy", "tidy", "warm", "modern"),
    -1: ("damp", "noisy", "draughty", "cramped", "mouldy", "shabby", "gloomy", "worn"),
}
_ROOMS = ("kitchen", "bathroom", "bedroom", "hall", "living room")
_PLACES = ("station", "park", "school", "market", "river")
_DESCRIPTIONS = (
    "The {first} {room} is {second} too.",
    "A {first} flat with a {second} {room} close to the {place}.",
    "The {room} is {first} and {second}, the {place} is round the corner.",
    "This {first} home near the {place} has a {second} {room} and a shared bike room.",
    "Third floor with lift: {first}, {second}, with a large {room} and the {place} just across the street.",
)

# Ground in the lower half of a photo: a garden, or a car park.
_GROUND = {1: (70, 150, 60), -1: (120, 115, 110)}
_WALLS = ((190, 90, 70), (220, 205, 180), (235, 235, 230), (150, 110, 80))

_NAMES = ("password", "invoice", "profile", "order", "subscription", "parcel", "ticket", "phone")
_OTHER_NAMES = ("passphrase", "bill", "account", "purchase", "membership", "package", "booking", "mobile")
_SUBJECTS = tuple(zip(_NAMES, _OTHER_NAMES, strict=True))
_INTENTS = (
    ("where can i find my {}?", "how do i look up my {}?", "on which page is my {} shown?"),
    ("how do i change my {}?", "can i edit my {} later?", "what is the way to update my {}?"),
    ("how do i delete my {}?", "can i get rid of my {}?", "what is the way to remove my {}?"),
    ("how do i share my {}?", "can a friend use my {} too?", "what is the way to lend out my {}?"),
    ("how do i pay for my {}?", "what does my {} cost?", "can i see the price of my {}?"),
    ("what if i lose my {}?", "my {} is gone, what now?", "how do i replace a missing {}?"),
)

_LOCATIONS = ("cellar", "kitchen", "attic")


def make_listings(n=1000, random_state=None, *, size=(32, 32)):
    """Generate rental listings whose outcome needs every one of five inputs.

    A frame with numbers, categories, text, a photo and a sensor trace, for trying a multi-input model on data
    with a known answer: a model that ignores an input is less accurate, and a model near the stated best
    accuracy uses all inputs.

    Parameters
    ----------
    n : int, default=1000
        Number of rows.
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None, default=None
        Seed of the rows; None draws anew at each call. Global random state is neither read nor changed.
    size : tuple of two int, default=(32, 32)
        Height and width of the photos in pixels, at least 8 each.

    Returns
    -------
    df : pandas.DataFrame of shape (n, 8)
        Nothing is missing; the index is a RangeIndex. Columns:

        - ``area`` (float, square metres, 25 to 180), ``age`` (int, years, 0 to 90), ``price`` (float, rent in
          dollars a month, skewed as a log-normal);
        - ``city`` (str, 8 values), ``heating`` (str, 4 values);
        - ``description`` (str, 6 to 20 words);
        - ``photo`` (bytes: a PNG file, RGB);
        - ``trace`` (ndarray of shape (n_steps,), float64, n_steps from 20 to 40: indoor humidity, in points above
          its target).
    y : pandas.Series of shape (n,)
        Named ``outcome``: ``"let"`` or ``"vacant"``, equally likely.

    Raises
    ------
    ValueError
        If ``n`` is not an integer of at least 1, or ``size`` or ``random_state`` is not as described.

    See Also
    --------
    make_prices : The same listings with a price to predict.

    Notes
    -----
    Each input shows one hidden factor, +1 or -1, independent of the others and readable without error:

    ===========  =================================================  ========================
    input        +1                                                 -1
    ===========  =================================================  ========================
    numbers      log price 0.1 to 0.4 below log(14 area) - age/150  as much above
    categories   score of the city + score of the heating > 0       < 0
    description  two of the words sunny, quiet, renovated, ...      damp, noisy, draughty, ...
    photo        a green garden in the lower half                   a grey car park
    trace        humidity falls, beneath a daily wave               rises
    ===========  =================================================  ========================

    With s the sum of the five factors, P(let) = 1 / (1 + exp(-4 s)). Summed over the 32 equally likely
    combinations, the best accuracy that a model can expect is 0.685 from any one or two inputs, 0.808 from any
    three or four, and 0.989 from all five. (A second input does not help: two factors that disagree say nothing.)

    Examples
    --------
    >>> from skmulti.datasets import make_listings
    >>> df, y = make_listings(200, 0)
    >>> list(df.columns)
    ['area', 'age', 'price', 'city', 'heating', 'description', 'photo', 'trace']
    >>> df.shape, y.name, sorted(y.unique())
    ((200, 8), 'outcome', ['let', 'vacant'])
    >>> df["photo"][0][1:4]
    b'PNG'
    >>> df["trace"].map(len).between(20, 40).all()
    np.True_

    A row count must be a positive integer:

    >>> make_listings(0)
    Traceback (most recent call last):
    ...
    ValueError: n must be an integer of at least 1, the number of rows; got 0 (int).
    """
    rng = _generator(random_state)
    df, factors = _draw_listings(rng, _check_n(n), _check_size(size))
    chance = 1 / (1 + np.exp(-4 * sum(factors.values())))
    outcome = np.where(rng.random(n) < chance, "let", "vacant")
    return df, pd.Series(outcome.tolist(), name="outcome")


def make_prices(n=1000, random_state=None, *, size=(32, 32)):
    """Generate listings with a sale price: a regression on mixed inputs.

    The same inputs as in `make_listings`, for a target whose values are far from zero and one: a network should not be
    trained on them as they are. Two columns do not matter, which a measure of importance should find.

    Parameters
    ----------
    n : int, default=1000
        Number of rows.
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None, default=None
        Seed of the rows; None draws anew at each call. Global random state is neither read nor changed.
    size : tuple of two int, default=(32, 32)
        Height and width of the photos in pixels, at least 8 each.

    Returns
    -------
    df : pandas.DataFrame of shape (n, 7)
        The columns of `make_listings` without ``price`` (there a rent, which is not the target here).
    y : pandas.Series of shape (n,)
        Named ``price``: float64, dollars, between 100,000 and 1,000,000.

    Raises
    ------
    ValueError
        If ``n`` is not an integer of at least 1, or ``size`` or ``random_state`` is not as described.

    See Also
    --------
    make_listings : The same inputs with a class to predict.

    Notes
    -----
    With the factors f of `make_listings` and e uniform in [-0.1, 0.1]::

        log y = log(375,000) + 0.45 log(area / 70) - 0.003 age
                + 0.03 score(city) + 0.12 f(description) + 0.12 f(photo) + e

    where cities score -7, -5, ..., 7 in alphabetical order. ``heating`` and ``trace`` have no effect. The terms are
    independent, so their variances add up: the best R2 on the log scale is 0.37 from the numbers alone, 0.23 from
    the city, 0.18 each from description and photo, and 0.96 from all.

    Examples
    --------
    >>> from skmulti.datasets import make_prices
    >>> df, y = make_prices(200, 0)
    >>> list(df.columns)
    ['area', 'age', 'city', 'heating', 'description', 'photo', 'trace']
    >>> y.name, bool(y.between(1e5, 1e6).all())
    ('price', True)
    """
    rng = _generator(random_state)
    df, factors = _draw_listings(rng, _check_n(n), _check_size(size))
    log_price = (
        np.log(375_000)
        + 0.45 * np.log(df["area"] / 70)
        - 0.003 * df["age"]
        + 0.03 * df["city"].map(_CITIES)
        + 0.12 * (factors["description"] + factors["photo"])
        + rng.uniform(-0.1, 0.1, n)
    )
    return df.drop(columns="price"), np.exp(log_price).round(2).rename("price")


def make_questions(n=1000, random_state=None):
    """Generate pairs of questions that mean the same, or nearly so.

    For two inputs that share one branch (and one vocabulary): both columns hold the same sort of sentence, and
    the label depends on how they compare. Questions that do not mean the same still share their subject or intent.

    Parameters
    ----------
    n : int, default=1000
        Number of pairs.
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None, default=None
        Seed of the pairs; None draws anew at each call. Global random state is neither read nor changed.

    Returns
    -------
    df : pandas.DataFrame of shape (n, 2)
        Columns ``question1`` and ``question2``, str, 5 to 9 words each, never equal within a row.
    y : pandas.Series of shape (n,)
        Named ``duplicate``: int64, 1 where both ask the same thing, else 0; equally likely.

    Raises
    ------
    ValueError
        If ``n`` is not an integer of at least 1, or ``random_state`` is not as described.

    See Also
    --------
    make_listings : Inputs of five different sorts.

    Notes
    -----
    A question has one of 6 intents, each worded in 3 ways, and one of 8 subjects, each with 2 names. Duplicates
    have the same intent and subject, in another wording. Half of the other pairs share the subject, and half the
    intent. The label follows from the two questions without error; one question alone says nothing (accuracy 0.5).

    Examples
    --------
    >>> from skmulti.datasets import make_questions
    >>> df, y = make_questions(100, 0)
    >>> list(df.columns), sorted(y.unique().tolist())
    (['question1', 'question2'], [0, 1])
    >>> bool((df["question1"] != df["question2"]).all())
    True
    """
    rng = _generator(random_state)
    n = _check_n(n)
    duplicate = rng.integers(2, size=n)
    other_intent = (1 - duplicate) * rng.integers(2, size=n)
    other_subject = 1 - duplicate - other_intent
    intents, subjects, wordings = (rng.integers(len(x), size=n) for x in (_INTENTS, _SUBJECTS, _INTENTS[0]))
    # A shift of 1 to length - 1, modulo the length, leads to any *other* entry with equal chance.
    intents2 = (intents + other_intent * rng.integers(1, len(_INTENTS), n)) % len(_INTENTS)
    subjects2 = (subjects + other_subject * rng.integers(1, len(_SUBJECTS), n)) % len(_SUBJECTS)
    # A duplicate is shifted by at least 1, as its lower bound is 1: equal wordings would give the answer away.
    wordings2 = (wordings + rng.integers(duplicate, 3)) % 3
    df = pd.DataFrame(
        {
            "question1": _ask(rng, intents, wordings, subjects),
            "question2": _ask(rng, intents2, wordings2, subjects2),
        }
    )
    return df, pd.Series(duplicate, name="duplicate", dtype="int64")


def write_sensor_files(folder, n=100, random_state=None):
    """Write sensor recordings to files, and return the frame that names them.

    For inputs in files outside of the table: ``sensor_{i}.npy`` holds a recording, and ``meta_{i}.json`` the place
    where it was made (``location``) and its ``label``. Existing files of these names are overwritten.

    Parameters
    ----------
    folder : str or path-like
        Folder to write to; it is made if it does not exist.
    n : int, default=100
        Number of recordings.
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None, default=None
        Seed of the recordings; None draws anew at each call. Global random state is neither read nor changed.

    Returns
    -------
    df : pandas.DataFrame of shape (n, 2)
        Columns ``sensor_path`` (str; the file holds an ndarray of shape (100 steps, 5 channels), float32, degrees
        above target, no NaN) and ``location`` (str: ``"cellar"``, ``"kitchen"`` or ``"attic"``).
    y : pandas.Series of shape (n,)
        Named ``label``: int64, 1 for too warm a room, else 0; equally likely.

    Raises
    ------
    ValueError
        If ``n`` is not an integer of at least 1, or ``random_state`` is not as described.

    See Also
    --------
    make_listings : Files as bytes within the frame.

    Notes
    -----
    The mean of a recording is near one of the levels 0, 1, 2, 3, equally likely; the label is 1 if the level is
    above 0 in the cellar, above 1 in the kitchen, above 2 in the attic. The best accuracy is 2/3 from the
    location alone, 5/6 from the recording alone, and 1 from both.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from skmulti.datasets import write_sensor_files
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     df, y = write_sensor_files(folder, 3, 0)
    ...     recording = np.load(df["sensor_path"][0], allow_pickle=False)
    >>> list(df.columns), recording.shape, recording.dtype.name
    (['sensor_path', 'location'], (100, 5), 'float32')
    """
    rng = _generator(random_state)
    n = _check_n(n)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    level = rng.integers(4, size=n)
    place = rng.integers(len(_LOCATIONS), size=n)
    label = (level > place).astype("int64")
    paths = [str(folder / f"sensor_{i}.npy") for i in range(n)]
    locations = [_LOCATIONS[i] for i in place]
    for i, path in enumerate(paths):
        meta = {"location": locations[i], "label": int(label[i])}
        np.save(path, _draw_recording(rng, level[i]), allow_pickle=False)
        (folder / f"meta_{i}.json").write_text(json.dumps(meta), encoding="utf-8")
    return pd.DataFrame({"sensor_path": paths, "location": locations}), pd.Series(label, name="label")


def _draw_listings(rng, n, size):
    """Return the frame of listings and {input: factor of shape (n,), +1 or -1}."""
    numbers, categories, texts, traces = (
        draw(rng, n) for draw in (_draw_numbers, _draw_categories, _draw_descriptions, _draw_traces)
    )
    garden = _draw_signs(rng, n)
    photos = [_draw_photo(rng, sign, size) for sign in garden]
    df = pd.DataFrame({**numbers[0], **categories[0], **texts[0], "photo": photos, **traces[0]})
    factors = {"numbers": numbers[1], "categories": categories[1], "description": texts[1], "trace": traces[1]}
    return df, {**factors, "photo": garden}


def _draw_signs(rng, n):
    """Return an array of shape (n,), int64: +1 or -1 with equal chance."""
    return 2 * rng.integers(2, size=n) - 1


def _draw_numbers(rng, n):
    """Return columns of area, age and a rent that is low (+1) or high (-1) for them, and the factor."""
    factor = _draw_signs(rng, n)
    area = np.clip(rng.lognormal(np.log(70), 0.35, n), 25, 180).round(1)
    age = rng.integers(0, 91, n)
    usual = 14 * area * np.exp(-age / 150)
    price = usual * np.exp(-factor * rng.uniform(0.1, 0.4, n))
    return {"area": area, "age": age, "price": price.round(2)}, factor


def _draw_categories(rng, n):
    """Return columns of cities and heatings, and the factor: the sign of their summed scores."""
    city = rng.choice(list(_CITIES), n).tolist()
    heating = rng.choice(list(_HEATINGS), n).tolist()
    score = [_CITIES[c] + _HEATINGS[h] for c, h in zip(city, heating, strict=True)]
    return {"city": city, "heating": heating}, np.sign(score)


def _draw_descriptions(rng, n):
    """Return a column of sentences with two good (+1) or two bad (-1) words, and the factor."""
    factor = _draw_signs(rng, n)
    texts = []
    for sign in factor:
        first, second = rng.choice(_WORDS[sign], 2, replace=False)
        template, room, place = (str(rng.choice(x)) for x in (_DESCRIPTIONS, _ROOMS, _PLACES))
        texts.append(template.format(first=first, second=second, room=room, place=place))
    return {"description": texts}, factor


def _draw_traces(rng, n):
    """Return a column of traces with 20 to 40 steps that fall (+1) or rise (-1) by 1.5 to 3 points, and the factor."""
    factor = _draw_signs(rng, n)
    traces = []
    for sign in factor:
        steps = np.arange(rng.integers(20, 41))
        drift = -sign * rng.uniform(1.5, 3) * (steps / steps[-1] - 0.25)
        wave = rng.uniform(0.2, 0.6) * np.sin(2 * np.pi * (steps / 8 + rng.random()))
        traces.append(drift + wave + rng.normal(0, 0.2, len(steps)))
    return {"trace": traces}, factor


def _draw_photo(rng, sign, size):
    """Return the PNG bytes of a house under the sky, with a garden (+1) or a car park (-1) in front."""
    height, width = size
    pixels = np.empty((height, width, 3))
    # Sky and wall change from photo to photo, so that overall brightness says nothing.
    pixels[: height // 2] = rng.uniform(0.5, 1.2) * np.array([130, 165, 205])
    pixels[height // 2 :] = rng.uniform(0.7, 1.2) * np.array(_GROUND[sign])
    left, top = rng.integers(width // 2), rng.integers(height // 8, height // 3)
    pixels[top : height // 2, left : left + width // 2] = _WALLS[rng.integers(len(_WALLS))]
    pixels += rng.normal(0, 8, pixels.shape)
    file = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype("uint8")).save(file, "PNG")
    return file.getvalue()


def _draw_recording(rng, level):
    """Return an array of shape (100, 5), float32: five noisy waves around a level."""
    steps = np.arange(100)[:, None]
    waves = np.sin(2 * np.pi * (steps / rng.uniform(10, 30, 5) + rng.random(5)))
    centre = level + rng.uniform(-0.2, 0.2)
    return (centre + 0.5 * waves + rng.normal(0, 0.2, (100, 5))).astype("float32")


def _ask(rng, intents, wordings, subjects):
    """Return the questions as a list of str, each with one of the two names of its subject."""
    names = rng.integers(2, size=len(intents))
    parts = zip(intents, wordings, subjects, names, strict=True)
    return [_INTENTS[i][w].format(_SUBJECTS[s][name]) for i, w, s, name in parts]


def _check_n(n):
    """Return n as int, or refuse it."""
    if not isinstance(n, Integral) or isinstance(n, bool) or n < 1:
        raise ValueError(f"n must be an integer of at least 1, the number of rows; got {n!r} ({type(n).__name__}).")
    return int(n)


def _check_size(size):
    """Return size as (height, width), or refuse it."""
    wanted = isinstance(size, tuple | list) and len(size) == 2
    if not wanted or not all(isinstance(side, Integral) and side >= 8 for side in size):
        raise ValueError(f"size must be (height, width), two integers of at least 8 pixels; got {size!r}.")
    return int(size[0]), int(size[1])


def _generator(random_state):
    """Return the numpy Generator that random_state stands for."""
    if isinstance(random_state, np.random.RandomState):
        return np.random.default_rng(random_state.randint(2**31 - 1))
    seed = isinstance(random_state, Integral) and not isinstance(random_state, bool) and random_state >= 0
    if random_state is None or seed or isinstance(random_state, np.random.Generator):
        return np.random.default_rng(random_state)
    raise ValueError(
        "random_state must be None, an integer of at least 0, a numpy Generator or a numpy RandomState; "
        f"got {random_state!r} ({type(random_state).__name__})."
    )
