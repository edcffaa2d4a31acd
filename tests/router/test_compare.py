"""`InputRouter.compare`: shares that are counted by hand, changes that it must find, rows on which it is silent."""

import io
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from PIL import Image
from sklearn.base import clone
from sklearn.preprocessing import StandardScaler

from skmulti import (
    ArraySpec,
    CategoryIndexer,
    DenseBranch,
    IdsPadder,
    ImageDecoder,
    InputEncoder,
    InputMismatchError,
    InputRouter,
    MultiInputClassifier,
    NumberScaler,
    OddCellsWarning,
    SequencePadder,
    TagsIndexer,
    TextVectorizer,
    VectorStacker,
)
from skmulti.router import shifts

TEXT = "the a flat house with garden near station quiet sunny large small room kitchen old new"
GERMAN = "die eine wohnung haus mit garten am bahnhof ruhig sonnig gross klein zimmer küche alt neu"


def photo(light, rng):
    pixels = np.clip(rng.normal(light, 40, (8, 8, 3)), 0, 255).astype("uint8")
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def draw(n, seed, text=TEXT, light=150):
    """Draw rows of one distribution."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "metres": rng.normal(2, 0.5, n),
            "rooms": rng.integers(1, 6, n),
            "city": rng.choice(["Rome", "Oslo", "Bern"], n, p=[0.5, 0.3, 0.2]),
            "note": [" ".join(rng.choice(text.split(), rng.integers(5, 12))) for _ in range(n)],
            "photo": [photo(light, rng) for _ in range(n)],
            "trace": [rng.normal(5, 1, rng.integers(8, 15)) for _ in range(n)],
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 365, n), "D"),
            "tags": [list(rng.choice(["a", "b", "c", "d"], 2, replace=False)) for _ in range(n)],
        }
    )


@pytest.fixture(scope="module")
def router():
    return InputRouter(kinds={"photo": ImageDecoder(size=(8, 8))}).fit(draw(400, 0))


@pytest.fixture
def later():
    return draw(120, 1)


def flagged(table):
    return set(table.index[table["shifted"]])


class TestOracles:
    def test_index_is_that_of_the_formula_less_its_mean_under_chance(self):
        fitted, later = np.array([500, 300, 200]), np.array([100, 500, 400])
        p, q = (fitted + 0.5) / 1001.5, (later + 0.5) / 1001.5
        expected = ((q - p) * np.log(q / p)).sum() - 2 * (1 / 1000 + 1 / 1000)
        assert_allclose(shifts.stability_index(fitted, later), expected)

    def test_index_of_samples_of_one_distribution_is_near_zero_however_few_they_are(self):
        rng = np.random.default_rng(0)
        for m in (30, 100, 1000):
            pairs = [(rng.multinomial(1000, [0.1] * 10), rng.multinomial(m, [0.1] * 10)) for _ in range(100)]
            plain = [((q / m - p / 1000) * np.log((q + 0.5) / m / (p / 1000))).sum() for p, q in pairs]
            # What is left is the part above the mean: a plain index of 30 rows alone is a "large shift".
            assert np.mean([shifts.stability_index(*pair) for pair in pairs]) < 0.5 * np.mean(plain)

    @pytest.mark.parametrize("m", [5, 20, 60, 1000])
    def test_chance_is_seldom_taken_for_a_shift(self, m):
        rng = np.random.default_rng(m)
        shares = [0.5, 0.2, 0.1, 0.1, 0.05, 0.03, 0.015, 0.005]
        pairs = [(rng.multinomial(500, shares), rng.multinomial(m, shares)) for _ in range(400)]
        found = [shifts.probability_of_chance(*shifts.join_sparse(*pair)) for pair in pairs]
        assert np.mean(np.array(found) < 0.01) < 0.025

    def test_sparse_bins_are_joined_and_no_cell_is_lost(self):
        fitted, later = shifts.join_sparse(np.array([50, 1, 0, 49, 0]), np.array([10, 0, 0, 8, 2]))
        assert (fitted.sum(), later.sum()) == (100, 20)
        assert len(fitted) == 2

    def test_shares_are_those_counted_by_hand(self):
        frame = pd.DataFrame({"x": [1.0, 2.0, 3.0, np.nan], "c": ["a", "a", "b", "c"]})
        table = (
            InputRouter([("x", NumberScaler(), ["x"]), ("c", CategoryIndexer(), ["c"])])
            .fit(frame)
            .compare(pd.DataFrame({"x": [0.0, 2.0, np.nan, np.nan, 9.0], "c": ["a", "new", "new", None, "b"]}))
        )
        names = ["missing", "missing_fit", "unseen", "unseen_fit", "outside", "outside_fit"]
        nan = np.nan
        # At fit, "b" and "c" have one row each, and so have the ends of the range.
        assert_allclose(table[names].to_numpy(), [[0.4, 0.25, nan, nan, 0.4, 0.5], [0.2, 0, 0.4, 0.5, nan, nan]])

    def test_words_and_cut_texts_are_those_counted_by_hand(self):
        frame = pd.DataFrame({"note": ["good good day", "good day", "rare", None]})
        router = InputRouter([("note", TextVectorizer(length=2), "note")]).fit(frame)
        table = router.compare(pd.DataFrame({"note": ["good word", "good good good", "x y"]}))
        # New words: one of two, none of two that are kept, both. At fit, "rare" occurs once.
        assert_allclose(table.loc["note", ["unseen", "unseen_fit"]].astype(float), [0.5, 1 / 3])
        assert_allclose(table.loc["note", ["truncated", "truncated_fit"]].astype(float), [1 / 3, 1 / 4])


class TestChanges:
    def test_new_rows_of_the_same_kind_are_silent(self, router, later):
        assert not flagged(router.compare(later))

    @pytest.mark.parametrize("n", [1, 2, 5, 10, 30])
    def test_few_rows_are_silent(self, router, n):
        assert not flagged(router.compare(draw(n, 2)))

    def test_a_unit_that_changed(self, router, later):
        table = router.compare(later.assign(metres=later["metres"] * 1000))
        assert flagged(table) == {"metres"}
        assert "outside: 100.0%" in table.loc["metres", "reason"]

    def test_a_unit_that_changed_in_ten_rows(self, router, later):
        assert flagged(router.compare(later[:10].assign(metres=later["metres"] * 1000))) == {"metres"}

    def test_a_new_category_in_a_fifth_of_the_rows(self, router, later):
        table = router.compare(later.assign(city=later["city"].mask(np.arange(len(later)) % 5 == 0, "Kyiv")))
        assert flagged(table) == {"city"}
        assert_allclose(table.loc["city", "unseen"], 0.2)
        assert "unseen: 20.0%, 0.0% at fit" in table.loc["city", "reason"]

    def test_a_category_that_became_frequent(self, router, later):
        table = router.compare(later.assign(city="Bern"))
        assert flagged(table) == {"city"}
        assert "'Bern' 100.0%" in table.loc["city", "reason"]

    def test_another_language(self, router, later):
        table = router.compare(later.assign(note=draw(len(later), 3, GERMAN)["note"]))
        assert flagged(table) == {"note"}
        assert "unseen" in table.loc["note", "reason"]

    def test_another_script(self, router, later):
        table = router.compare(later.assign(note="квартира рядом с вокзалом, тихая и светлая"))  # noqa: RUF001
        assert "script: 'LATIN' 0.0%" in table.loc["note", "reason"]

    def test_darker_photos(self, router, later):
        table = router.compare(later.assign(photo=draw(len(later), 4, light=90)["photo"]))
        assert flagged(table) == {"photo"}
        assert "brightness" in table.loc["photo", "reason"]

    def test_a_sensor_that_is_stuck(self, router, later):
        table = router.compare(later.assign(trace=[np.full(10, trace[0]) for trace in later["trace"]]))
        assert flagged(table) == {"trace"}
        assert (table.loc["trace", "constant"], table.loc["trace", "constant_fit"]) == (1, 0)

    def test_a_number_that_is_stuck(self, router, later):
        assert flagged(router.compare(later.assign(rooms=3, metres=2.0))) == {"rooms", "metres"}

    def test_gaps_that_came_and_gaps_that_went(self, later):
        gappy = draw(400, 0)[["rooms"]].astype(float)
        gappy["rooms"] = gappy["rooms"].where(np.arange(400) % 3 > 0)
        router = InputRouter().fit(gappy)
        assert flagged(router.compare(later)) == {"rooms"}
        assert flagged(router.compare(later.assign(rooms=np.nan))) == {"rooms"}

    def test_days_of_another_year_and_other_tags(self, router, later):
        changed = later.assign(day=later["day"] + pd.Timedelta("500D"), tags=[["x", "y"]] * len(later))
        assert flagged(router.compare(changed)) == {"day", "tags"}

    def test_odd_cells_and_files_that_cannot_be_read(self, router, later):
        metres = later["metres"].astype(object).mask(np.arange(len(later)) % 4 == 0, "?")
        photos = later["photo"].mask(np.arange(len(later)) % 2 == 0, b"broken")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            table = router.compare(later.assign(metres=metres, photo=photos))
        assert flagged(table) == {"metres", "photo"}
        assert_allclose([table.loc["metres", "odd"], table.loc["photo", "unreadable"]], [0.25, 0.5])

    def test_another_column_is_told_and_not_raised(self, router, later):
        table = router.compare(later.assign(metres="tall", trace="none"))
        assert flagged(table) == {"metres", "trace"}
        assert table.loc["metres", "shift"] == np.inf
        assert "not numbers" in table.loc["metres", "reason"]

    def test_a_strict_encoder_is_watched_as_a_lenient_one(self, later):
        router = InputRouter([("metres", NumberScaler(), ["metres"])]).fit(draw(100, 0))
        table = router.compare(later.assign(metres=later["metres"].astype(object).mask(later.index % 2 == 0, "?")))
        assert_allclose(table.loc["metres", "odd"], 0.5)
        with pytest.raises(InputMismatchError):
            router.transform(later.assign(metres="?"))

    def test_ids_and_vectors(self):
        rng = np.random.default_rng(0)
        ids = [rng.integers(1, 50, 6).tolist() for _ in range(200)]
        frame = pd.DataFrame({"ids": ids, "vector": list(rng.normal(size=(200, 4)))})
        router = InputRouter([("ids", IdsPadder(), "ids"), ("vector", VectorStacker(), "vector")]).fit(frame[:120])
        assert not flagged(router.compare(frame[120:]))
        changed = pd.DataFrame({"ids": [[90, 95]] * 40, "vector": list(9 + rng.normal(size=(40, 4)))})
        assert flagged(router.compare(changed)) == {"ids", "vector"}


class TestTable:
    def test_columns_are_named_and_the_last_one_is_bool(self, router, later):
        table = router.compare(later)
        assert list(table.index) == [column for route in router._fitted.routes for column in route.labels]
        assert table.columns[-1] == "shifted"
        assert table["shifted"].dtype == bool
        assert {"missing", "odd", "unreadable", "unseen", "outside", "truncated", "shift", "reason"} <= {*table.columns}

    def test_parts_records_and_files_are_counted_as_the_whole(self, router, later, tmp_path):
        whole = router.compare(later)
        parts = [later[:50], later[50:]]
        later.to_parquet(tmp_path / "later.parquet")
        for X in (parts, iter(parts), lambda: iter(parts), later.to_dict("records"), str(tmp_path / "later.parquet")):
            pd.testing.assert_frame_equal(router.compare(X), whole)

    def test_csv_files_are_read_part_by_part(self, later, tmp_path):
        columns = ["metres", "rooms", "city", "note"]
        router = InputRouter().fit(draw(300, 0)[columns])
        later[columns].to_csv(tmp_path / "later.csv", index=False)
        pd.testing.assert_frame_equal(router.compare(tmp_path / "later.csv"), router.compare(later), rtol=1e-6)

    def test_one_record_is_a_row(self, router, later):
        assert len(router.compare(later.iloc[0].to_dict())) == 8

    def test_repeated_row_labels_do_no_harm(self, router, later):
        doubled = later.set_axis(np.zeros(len(later), dtype=int))
        pd.testing.assert_frame_equal(router.compare(doubled), router.compare(later))

    def test_what_is_no_table_is_refused(self, router, later):
        with pytest.raises(InputMismatchError, match=r"Input 'categories' wants column 'city'.*Did you mean 'City'"):
            router.compare(later.rename(columns={"city": "City"}))
        with pytest.raises(InputMismatchError, match="0 sample"):
            router.compare(later[:0])
        with pytest.raises(InputMismatchError, match="yields a int"):
            router.compare(iter([1, 2]))

    def test_arrays_by_input_have_a_row_for_each_column(self):
        rng = np.random.default_rng(0)
        router = InputRouter().fit({"wide": rng.normal(size=(50, 2)), "one": rng.normal(size=50)})
        table = router.compare({"wide": 100 + rng.normal(size=(40, 2)), "one": rng.normal(size=40)})
        assert table["shifted"].to_dict() == {"wide[0]": True, "wide[1]": True, "one": False}


class TestWhatFitKeeps:
    def test_it_is_plain_data_of_less_than_four_kilobytes_a_column(self, router):
        def types(value):
            if isinstance(value, dict):
                return {type(value)}.union(*map(types, value.values()), map(type, value))
            return {type(value)}.union(*map(types, value)) if isinstance(value, list) else {type(value)}

        profiles = [profile for own in router._profiles.values() for profile in own]
        assert types(profiles) <= {dict, list, str, int, float, bool}
        assert max(len(pickle.dumps(profile)) for profile in profiles) < 4096

    def test_it_travels_with_pickles_and_not_with_clones(self, router, later):
        pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(router)).compare(later), router.compare(later))
        assert not hasattr(clone(router), "_profiles")

    def test_many_categories_and_long_labels_stay_small(self):
        frame = pd.DataFrame({"id": [f"{'x' * 500}{i % 40}" for i in range(1000)]})
        router = InputRouter([("id", CategoryIndexer(), "id")]).fit(frame)
        assert len(pickle.dumps(router._profiles["id"][0])) < 8192

    def test_a_table_in_parts_is_watched_by_some_of_its_rows(self, router, later):
        frame = draw(400, 0)
        parts = clone(router).fit_chunks(lambda: ((frame[i : i + 100], None, None) for i in (0, 100, 200, 300)), frame)
        table, whole = parts.compare(later), router.compare(later)
        numbers = [name for name in whole.columns if name.endswith("_fit")]
        pd.testing.assert_frame_equal(table[numbers], whole[numbers], atol=0.02)

    @pytest.mark.parametrize("way", ["memory", "partial_fit"])
    def test_every_fit_of_an_estimator_keeps_it(self, way, tmp_path):
        frame, y = draw(60, 0)[["metres", "city"]], np.arange(60) % 2
        est = MultiInputClassifier(epochs=1, random_state=0, memory=str(tmp_path) if way == "memory" else None)
        est.partial_fit(frame, y) if way == "partial_fit" else est.fit(frame, y)
        assert flagged(est.router_.compare(frame.assign(metres=frame["metres"] * 1000))) == {"metres"}

    def test_photos_that_are_encoded_are_not_decoded_again(self, monkeypatch):
        calls = []
        decode = ImageDecoder._decode_all
        monkeypatch.setattr(ImageDecoder, "_decode_all", lambda *given: calls.append(len(given[3])) or decode(*given))
        InputRouter([("photo", ImageDecoder(size=(8, 8)), "photo")]).fit_encode(draw(150, 0))
        assert calls == [150]

    def test_an_unpickled_router_of_an_earlier_version_says_so(self, later):
        router = InputRouter().fit(later[["metres"]])
        del router._profiles
        with pytest.raises(InputMismatchError, match="Fit it again"):
            router.compare(later)


class WordCounter(InputEncoder):
    """An encoder as a user writes it, which measures nothing itself."""

    default_branch = DenseBranch

    def fit(self, columns, y=None):
        return self

    def transform(self, columns):
        return np.array([[len(text.split())] for text in columns], dtype="float32")

    def spec(self, name):
        return ArraySpec(name, "vector", (1,), "float32")


class TestOwnEncoders:
    def test_texts_are_measured_by_their_length(self, later):
        router = InputRouter([("note", WordCounter(), "note")]).fit(draw(200, 0))
        assert not flagged(router.compare(later))
        assert flagged(router.compare(later.assign(note=later["note"] * 5))) == {"note"}

    def test_transformers_of_scikit_learn_are_watched(self, later):
        router = InputRouter([("n", StandardScaler(), ["metres", "rooms"])]).fit(draw(200, 0))
        assert not flagged(router.compare(later))
        table = router.compare(later.assign(metres=later["metres"] * 1000))
        assert flagged(table) == {"metres"}
        assert table.loc["metres", "outside"] == 1

    def test_every_encoder_measures_each_of_its_columns(self):
        cells = {
            NumberScaler: [1.0, 2.0],
            CategoryIndexer: ["a", "b"],
            TagsIndexer: [["a"], ["b", "c"]],
            SequencePadder: [[1.0, 2.0], [3.0]],
            TextVectorizer: ["a b", "c"],
        }
        for kind, values in cells.items():
            column = pd.Series([*values, None], name="x")
            (measures,) = kind().fit(column).measure(column)
            assert all(own.shape == (3,) and own.dtype.kind in "bfO" for own in measures.values())


class TestUnreadableFiles:
    @pytest.fixture
    def frame(self, tmp_path):
        rng = np.random.default_rng(0)
        paths = [tmp_path / f"{i}.png" for i in range(12)]
        for path in paths[:10]:
            path.write_bytes(photo(150, rng))
        paths[3].write_bytes(b"damaged")
        return pd.DataFrame({"photo": [*map(str, paths), None]})

    @pytest.mark.parametrize("lazy", [False, True])
    def test_fit_and_predict_count_them_and_name_the_first(self, frame, lazy):
        decoder = ImageDecoder(size=(8, 8), on_error="missing", lazy=lazy)
        est = MultiInputClassifier(InputRouter([("photo", decoder, "photo")]), epochs=1, validation_fraction=None)
        message = r"column 'photo': 3 of 13 cells are not readable as images, first at row label 3: '.*3\.png'"
        with pytest.warns(OddCellsWarning, match=message):
            est.fit(frame, np.arange(13) % 2)
        assert est.router_.encoders_["photo"].n_unreadable_ == 3
        with pytest.warns(OddCellsWarning, match=message):
            est.predict(frame)

    def test_the_router_counts_them_alone_and_in_parts(self, frame):
        router = InputRouter([("photo", ImageDecoder(size=(8, 8), on_error="missing"), "photo")])
        with pytest.warns(OddCellsWarning, match="3 of 13 cells"):
            assert router.fit(frame).encoders_["photo"].n_unreadable_ == 3
        with pytest.warns(OddCellsWarning, match="3 cells are"):
            router.fit_chunks(lambda: ((frame[i : i + 6], None, None) for i in (0, 6, 12)), frame)
        assert router.encoders_["photo"].n_unreadable_ == 3


def test_fillers_are_odd_cells_and_no_amounts():
    numbers = np.random.default_rng(0).normal(50, 5, size=1000)
    router = InputRouter().fit(pd.DataFrame({"x": np.where(np.arange(1000) % 100 == 3, -9999.0, numbers)}))
    same = pd.DataFrame({"x": np.where(np.arange(1000) % 100 == 7, -9999.0, numbers)})
    more = pd.DataFrame({"x": np.where(np.arange(1000) % 3 == 0, -9999.0, numbers)})
    row = router.compare(same).loc["x"]
    assert (row["odd"], row["odd_fit"], row["shifted"]) == (0.01, 0.01, False)
    row = router.compare(more).loc["x"]
    assert row["shifted"]
    assert row["reason"].startswith("odd: 33.4%, 1.0% at fit")
