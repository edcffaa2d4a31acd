"""`merge` of encoders: what was learned from parts apart is what the parts teach one after the other."""

import copy
import pickle
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from parts_cases import CASES, TABLE, N, assert_same, balanced, from_left, from_right, learn_each, learn_in_order
from sklearn.base import clone
from sklearn.cluster import MiniBatchKMeans
from sklearn.decomposition import PCA, IncrementalPCA
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skmulti import (
    ArraySpec,
    CalendarEncoder,
    CategoryIndexer,
    ImageDecoder,
    InputEncoder,
    InputMismatchError,
    NumberScaler,
    SequencePadder,
    TagsIndexer,
    TextVectorizer,
    VectorStacker,
)
from skmulti.inputs import TransformerEncoder
from skmulti.inputs._steps import choose_length

pytestmark = pytest.mark.filterwarnings("ignore::skmulti.errors.OddCellsWarning")

CUTS = ([1, 8], [300], [7, 7, 14, 200, 201], list(range(40, N, 40)))


def assert_learned_alike(merged, other, columns):
    """Compare arrays, specs and what `InputRouter.compare` measures."""
    assert merged.spec("x") == other.spec("x")
    assert_allclose(merged.transform(columns), other.transform(columns), rtol=1e-6, atol=1e-6)
    assert_same(merged.measure(columns, training=True), other.measure(columns, training=True))


@pytest.mark.parametrize("name", CASES)
class TestEncoders:
    @pytest.mark.parametrize("cuts", CUTS, ids=str)
    def test_merged_parts_teach_what_parts_in_order_and_all_rows_do(self, name, cuts):
        encoder, given = CASES[name]
        columns = TABLE[given]
        in_order, whole = learn_in_order(encoder, columns, cuts), clone(encoder).fit(columns)
        for tree in (from_left, from_right, balanced):
            merged = tree(learn_each(encoder, columns, cuts))
            assert_same(merged, in_order)
            assert_learned_alike(merged, whole, columns)

    def test_neither_is_changed_and_pickles_merge_alike(self, name):
        encoder, given = CASES[name]
        parts = learn_each(encoder, TABLE[given], [10, 150])
        before = pickle.dumps(parts)
        twins = pickle.loads(before)
        merged = from_left(parts).partial_fit(TABLE[given][:50])
        assert_same(parts, pickle.loads(before))
        assert_same(from_left(twins).partial_fit(TABLE[given][:50]), merged)

    def test_what_was_merged_goes_on_learning(self, name):
        encoder, given = CASES[name]
        merged = from_left(learn_each(encoder, TABLE[given][:200], [90]))
        merged.partial_fit(TABLE[given][200:]).end_parts()
        assert_learned_alike(
            merged, learn_in_order(encoder, TABLE[given][:200], [90]).partial_fit(TABLE[given][200:]), TABLE[given]
        )
        assert not {"_partial", "_begun"} & set(vars(merged))

    def test_state_does_not_grow_with_the_rows(self, name):
        encoder, given = CASES[name]
        few = learn_each(encoder, TABLE[given], [])[0]
        many = learn_each(encoder, pd.concat([TABLE[given]] * 4), [])[0]
        assert len(pickle.dumps(many)) < 1.1 * len(pickle.dumps(few)) + 100

    @pytest.mark.long
    @settings(deadline=None, max_examples=15)
    @given(data=st.data())
    def test_any_tree_gives_the_same(self, name, data):
        encoder, given = CASES[name]
        cuts = sorted(data.draw(st.lists(st.integers(0, N), max_size=6)))

        def any_tree(items):
            if len(items) == 1:
                return items[0]
            middle = data.draw(st.integers(1, len(items) - 1))
            return any_tree(items[:middle]).merge(any_tree(items[middle:]))

        assert_same(any_tree(learn_each(encoder, TABLE[given], cuts)), learn_in_order(encoder, TABLE[given], cuts))


class TestBeginning:
    def test_the_sample_decides_what_a_part_cannot_tell(self):
        # In each part, 900 would be out of proportion, and the days of the first half could be months.
        days = pd.Series([f"{i:02d}/06/2024" for i in range(1, 29)], name="day")
        numbers = pd.DataFrame({"x": [1.0, 2.0, 1.5, 900.0] * 5 + [450.0 + i for i in range(20)]})
        for encoder, columns in ((CalendarEncoder(on_odd="missing"), days), (NumberScaler(), numbers)):
            merged = from_left(learn_each(encoder, columns, [4, 8]))
            assert_allclose(merged.transform(columns), clone(encoder).fit_transform(columns), rtol=1e-6)

    def test_a_filler_that_the_sample_shows_is_one_in_each_part(self):
        # 12 different numbers tell that -9999 is a filler; the second part has but two.
        column = pd.DataFrame({"x": [*np.linspace(0, 1, 12), -9999.0, 0.5, -9999.0]})
        apart = NumberScaler(on_odd="missing").begin_parts(column)
        second = copy.copy(apart).partial_fit(column[13:])
        assert second.mean_.tolist() == [0.5]
        assert copy.copy(apart).partial_fit(column[:13]).merge(second).indicator_columns_.tolist() == [0]

    def test_all_numbers_of_a_part_may_be_out_of_proportion(self):
        column = pd.DataFrame({"x": [*np.linspace(0, 1, 20), 1e9, 2e9]})
        merged = from_left(learn_each(NumberScaler(), column, [20]))
        assert_allclose(merged.mean_, NumberScaler().fit(column).mean_)

    def test_fit_takes_no_notice(self):
        column = pd.Series(["03/04/2024", "25/04/2024"], name="day")
        begun = CalendarEncoder(on_odd="missing").begin_parts(pd.Series(["12/31/2024"]))
        assert_array_equal(begun.fit(column).transform(column), CalendarEncoder(on_odd="missing").fit_transform(column))

    def test_strings_of_tags_are_split_alike_in_all_parts(self):
        # Alone, the second part would be single tags; and known tags would split "a;b" as fit does not.
        tags = pd.Series(["a|b", "a|c", "b|c", "c|a|b", "a", "b", "a;b"], name="tags")
        merged = from_right(learn_each(TagsIndexer(), tags, [4, 6]))
        assert merged.tags_.tolist() == TagsIndexer().fit(tags).tags_.tolist() == ["a", "b", "c", "a;b"]

    def test_bytes_are_texts_in_all_parts_or_in_none(self):
        column = pd.Series([b"good food"] * 30 + [None, b"\xff\x00"], dtype=object, name="note")
        merged = from_left(learn_each(TextVectorizer(on_odd="missing"), column, [30]))
        assert merged.vocabulary_ == TextVectorizer(on_odd="missing").fit(column).vocabulary_

    def test_a_part_of_absent_files_is_no_reason_to_refuse_others(self):
        photos = pd.Series([np.zeros((4, 4), "uint8")] * 12 + ["gone/a.png", "gone/b.png"], dtype=object)
        merged = from_left(learn_each(ImageDecoder(on_error="missing"), photos, [12]))
        assert merged.encode_and_flag(photos)[1].sum() == 2
        with pytest.raises(InputMismatchError, match="2 of 2 images cannot be read"):
            ImageDecoder(on_error="missing").begin_parts(photos[12:])


class TestWidths:
    def test_most_cells_of_all_parts_decide(self):
        vectors = pd.Series([[1.0, 2.0]] * 3 + [[1.0]] * 5, name="v")
        sequences = vectors.map(lambda cell: [cell] * 2)
        for encoder, columns in (
            (VectorStacker(on_odd="missing"), vectors),
            (SequencePadder(on_odd="missing"), sequences),
        ):
            merged = from_left(learn_each(encoder, columns, [3]))
            whole = clone(encoder).fit(columns)
            assert merged.spec("x") == whole.spec("x")
            assert_array_equal(merged.transform(columns), whole.transform(columns))

    @pytest.mark.parametrize(
        ("encoder", "cells", "message"),
        [
            (
                VectorStacker(),
                [[1.0, 2.0], [3.0]],
                r"2 cells hold vectors of 2 numbers, 1 in other parts.*of 1 numbers",
            ),
            (
                SequencePadder(),
                [[[1.0, 2.0]], [[3.0]]],
                r"2 cells hold sequences of 2 numbers a step, 1 in other parts",
            ),
        ],
    )
    def test_parts_of_different_widths_are_refused(self, encoder, cells, message):
        first, second = learn_each(encoder, pd.Series([cells[0], cells[0], cells[1]], name="v"), [2])
        with pytest.raises(InputMismatchError, match=message):
            first.merge(second)


class TestTransformers:
    @pytest.mark.filterwarnings("ignore::RuntimeWarning")
    def test_scalers_hold_what_a_fit_on_all_rows_does(self):
        for scaler in (StandardScaler(), MinMaxScaler()):
            # A column without a number in the first part, and counts of its own.
            frame = TABLE[["size", "weight"]].assign(late=np.where(np.arange(N) < 50, np.nan, 3.5))
            merged = from_left(learn_each(TransformerEncoder(scaler), frame, [50, 51])).transformer_
            assert_same(merged, clone(scaler).fit(frame))

    @pytest.mark.filterwarnings("ignore::RuntimeWarning")
    def test_weights_of_parts_weigh_as_those_of_the_whole(self):
        frame, weight = TABLE[["size", "constant"]], TABLE["weight"].to_numpy()
        for encoder in (NumberScaler(), TransformerEncoder(StandardScaler())):
            begun = encoder.begin_parts(frame)
            parts = [
                copy.copy(begun).partial_fit(frame[own], sample_weight=weight[own])
                for own in (slice(0, 9), slice(9, 200), slice(200, N))
            ]
            whole = clone(encoder).fit(frame, sample_weight=weight)
            assert_allclose(balanced(parts).transform(frame), whole.transform(frame), rtol=1e-6, atol=1e-6)

    @pytest.mark.parametrize("transformer", [IncrementalPCA(1), MiniBatchKMeans(2)], ids=lambda own: type(own).__name__)
    def test_transformer_that_learns_in_order_says_so(self, transformer):
        encoder = TransformerEncoder(transformer)
        assert not encoder.merges_parts
        parts = [clone(encoder).partial_fit(TABLE[["weight"]][own]) for own in (slice(0, 50), slice(50, 99))]
        with pytest.raises(
            InputMismatchError, match=f"{type(transformer).__name__} learns from parts one after the other"
        ):
            parts[0].merge(parts[1])

    def test_transformer_that_needs_all_rows_says_so(self):
        assert not TransformerEncoder(PCA(1)).merges_parts
        with pytest.raises(InputMismatchError, match="PCA learns from all rows at once"):
            TransformerEncoder(PCA(1)).merge(None)

    def test_subclass_of_a_known_scaler_may_learn_more(self):
        class Scaler(StandardScaler):
            pass

        assert not TransformerEncoder(Scaler()).merges_parts


class Longest(InputEncoder):
    """An encoder of one's own, as small as it can be."""

    def partial_fit(self, columns, y=None):
        self.length_ = max(getattr(self, "length_", 0), int(columns.str.len().max()))
        return self

    def spec(self, name):
        return ArraySpec(name, "vector", (self.length_,), "float32")


class TestRefusals:
    def test_own_encoder_without_merge_says_so(self):
        column = TABLE["title"]
        first, second = Longest().partial_fit(column[:9]), Longest().partial_fit(column[9:])
        assert not first.merges_parts
        with pytest.raises(InputMismatchError, match=r"Longest learns from parts .* \(it has no `merge`\)"):
            first.merge(second)

    def test_what_a_subclass_learns_is_not_lost(self):
        class Counted(CategoryIndexer):
            def partial_fit(self, columns, y=None):
                self.n_parts_ = getattr(self, "n_parts_", 0) + 1
                return super().partial_fit(columns)

        assert CategoryIndexer().merges_parts
        assert not Counted().merges_parts

    def test_encoders_of_different_classes(self):
        with pytest.raises(InputMismatchError, match="CategoryIndexer cannot be merged with TagsIndexer"):
            CategoryIndexer().merge(TagsIndexer())

    def test_an_encoder_that_has_learned_no_part(self):
        column = TABLE[["weight"]]
        with pytest.raises(
            InputMismatchError, match=r"NumberScaler.merge joins encoders that have learned by partial_fit"
        ):
            NumberScaler().partial_fit(column).merge(NumberScaler().fit(column))

    def test_encoders_that_began_differently(self):
        days = pd.DataFrame({"day": ["25/01/2024", "01/25/2024"]})
        first, second = (CalendarEncoder(on_odd="missing").partial_fit(days[i : i + 1]) for i in range(2))
        with pytest.raises(InputMismatchError, match=r"in different ways \(styles: .*begin_parts"):
            first.merge(second)


@given(st.lists(st.integers(0, 30), max_size=60), st.floats(0.01, 0.99))
def test_counts_of_lengths_give_the_quantile_of_all_lengths(lengths, share):
    known = [own for own in lengths if own]
    expected = int(np.ceil(np.quantile(known, share))) if known else 1
    assert choose_length(share, Counter(lengths)) == choose_length(share, np.array(lengths, dtype=int)) == expected
