"""The reference of public names: written from `skmulti.__all__`, so that it cannot fall behind.

A name finds its subject by what it is: an error, a class that fills in a contract, or else by the wing that it comes
from. A name of a wing that no subject mentions has a section for that wing.
"""

import inspect
from pathlib import Path

import skmulti
from skmulti import datasets
from skmulti.network import Merge

# What `skmulti.dask` is for; the rest of the wing serves these.
CLUSTER = ["DaskEstimator", "use_cluster", "predict_partitions", "score_partitions", "limit_threads"]

# Title, sentence, and what belongs to it; the first that fits takes the name.
SUBJECTS = [
    (
        "Estimators",
        "Fit one table and predict: scikit-learn's interface, Keras' networks.",
        lambda name, thing: wing(thing) == "estimators",
    ),
    (
        "Router",
        "Split the columns of a table into named inputs.",
        lambda name, thing: wing(thing) == "router",
    ),
    (
        "Encoders",
        "Turn the columns of an input into an array. Any transformer of scikit-learn is an encoder, too.",
        lambda name, thing: is_a(thing, skmulti.InputEncoder),
    ),
    (
        "Branches",
        "Read the array of an input: the part of the network that turns it into a vector.",
        lambda name, thing: is_a(thing, skmulti.Branch),
    ),
    (
        "Merges",
        "Join the vectors of all inputs.",
        lambda name, thing: is_a(thing, Merge),
    ),
    (
        "Head and training",
        "Make the prediction, and learn it.",
        lambda name, thing: name == "DenseHead" or wing(thing) == "training",
    ),
    (
        "Look into a fitted estimator",
        "What matters, what was learned, and where it errs.",
        lambda name, thing: wing(thing) == "inspection",
    ),
    (
        "Keep, ship, serve",
        "Save and load, export a graph that needs no skmulti, check rows that come over a network.",
        lambda name, thing: wing(thing) == "saving",
    ),
    (
        "Rows in files",
        "Read rows that are in no frame.",
        lambda name, thing: wing(thing) == "sources",
    ),
    (
        "Contracts and specs",
        "What parts of your own say about themselves, and how parts become a network.",
        lambda name, thing: wing(thing) in {"spec", "network", "inputs"},
    ),
    (
        "Errors and warnings",
        "Each says what was found, where, and the way out.",
        lambda name, thing: wing(thing) == "errors",
    ),
]

# What may stand between single quotes without a page of its own: all but the names of skmulti. Attributes that a fit
# makes (`plan_`) are described on the page of their class.
_CLASSES = "|".join(name for name in skmulti.__all__ if name[0].isupper())
ELSEWHERE = [("py:.*", rf"(?!(skmulti\.)?({_CLASSES})\b)(?!skmulti\.).*|.*_")]


def is_a(thing, base):
    """Whether `thing` is a class below `base`, or `base` itself."""
    return inspect.isclass(thing) and issubclass(thing, base)


def wing(thing):
    """Return the wing (or file) of the package that defines `thing`."""
    return thing.__module__.split(".")[1]


def by_subject():
    """Return [(title, sentence, names)] with every name of `skmulti.__all__` once."""
    named = {title: [] for title, _, _ in SUBJECTS}
    sentences = {title: sentence for title, sentence, _ in SUBJECTS}
    for name in skmulti.__all__:
        thing = getattr(skmulti, name)
        fitting = (title for title, _, suits in SUBJECTS if suits(name, thing))
        title = next(fitting, wing(thing).capitalize())
        named.setdefault(title, []).append(name)
    return [(title, sentences.get(title, ""), names) for title, names in named.items() if names]


def section(title, sentence, module, names):
    """Return the lines of one section: a table of names, each with a page of its own."""
    return [
        title,
        "-" * len(title),
        "",
        sentence,
        "",
        f".. currentmodule:: {module}",
        "",
        ".. autosummary::",
        "   :toctree: names",
        "   :nosignatures:",
        "",
        *(f"   {name}" for name in names),
        "",
    ]


def page():
    """Return the text of the reference's first page."""
    lines = [
        "API reference",
        "=============",
        "",
        "All names can be imported from ``skmulti``; those for a cluster from ``skmulti.dask``, data from",
        "``skmulti.datasets``.",
        "",
    ]
    for title, sentence, names in by_subject():
        lines += section(title, sentence, "skmulti", names)
    lines += section("On a cluster", "Fit, search and predict on the workers of Dask.", "skmulti.dask", CLUSTER)
    lines += section(
        "Data with a known answer", "Generated; nothing is downloaded.", "skmulti.datasets", datasets.__all__
    )
    return "\n".join(lines)


def write(folder):
    """Write the page if its text has changed, so that an unchanged page is not read again."""
    path = Path(folder) / "index.rst"
    path.parent.mkdir(exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != page():
        path.write_text(page(), encoding="utf-8")
