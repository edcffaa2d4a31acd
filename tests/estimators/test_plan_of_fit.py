"""The plan of a fit says what the fit then does, changes nothing, and shows all of it."""

import html.parser
import random
import warnings

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from browser import opened, overflow

import skmulti
from skmulti import (
    CategoryIndexer,
    DenseHead,
    DroppedColumnsWarning,
    ImageDecoder,
    InputMismatchError,
    InputRouter,
    MultiInputClassifier,
    MultiInputRegressor,
    Plan,
)
from skmulti.datasets import make_listings

COLUMNS = ["area", "price", "city", "description"]


def make_frame(n_rows=60):
    """Return a table with numbers, a category, texts of which some are missing, an id and a constant."""
    frame, outcome = make_listings(n_rows, 0, size=(8, 8))
    frame = frame[COLUMNS].assign(id=[f"x{i}q{7 * i}" for i in range(n_rows)], one=1)
    frame.loc[:5, "description"] = None
    return frame, outcome


@pytest.fixture(scope="module")
def table():
    return make_frame()


@pytest.fixture(scope="module")
def classifier():
    return MultiInputClassifier(epochs=2, early_stopping=True, validation_fraction=0.2, random_state=3)


@pytest.fixture(scope="module")
def plan(classifier, table):
    return classifier.plan(*table)


@pytest.fixture(scope="module")
def fitted(classifier, table, plan):
    with pytest.warns(DroppedColumnsWarning):
        return classifier.fit(*table)


def without_head(recipe):
    return {name: value for name, value in vars(recipe).items() if name != "head"}


def squeezed(text):
    """Return a text without blanks, so that it does not matter where it was wrapped."""
    return "".join(text.split())


class TestPlanAndFit:
    def test_a_plan_says_what_the_fit_does(self, plan, fitted):
        assert [entry.spec for entry in plan.inputs] == list(fitted.router_.specs_.values())
        assert plan.n_weights == fitted.model_.count_params()
        assert without_head(plan.recipe) == without_head(fitted.recipe_)
        assert repr(plan.recipe.head) == repr(fitted.head_)
        assert (plan.n_rows, plan.n_held) == (48, 12)
        assert plan.recipe.epochs == fitted.n_iter_ == len(fitted.history_["val_loss"])
        pd.testing.assert_frame_equal(plan.columns, fitted.router_.plan_)

    def test_the_weights_of_all_parts_are_those_of_the_network(self, plan):
        parts = [*plan.inputs, *plan.parts]
        assert sum(part.n_weights for part in parts) == plan.n_weights

    def test_memory_is_that_of_the_network_and_its_optimizer(self, plan, fitted):
        assert plan.memory["weights"] == sum(weight.value.numpy().nbytes for weight in fitted.model_.weights)
        state = fitted.model_.optimizer.variables
        assert plan.memory["optimizer"] == sum(variable.value.numpy().nbytes for variable in state)
        assert plan.memory["batch"] == 32 * sum(entry.spec.row_bytes for entry in plan.inputs)

    def test_shares_are_those_of_the_training_rows(self, fitted, plan, table):
        entry = next(entry for entry in plan.inputs if entry.name == "description")
        assert 0 < entry.missing <= 6 / 48
        assert entry.missing == fitted.router_.fitted_shares()["description"][0]["missing"]
        assert entry.truncated is not None
        assert next(entry for entry in plan.inputs if entry.name == "numbers").truncated is None

    def test_a_regressor_has_a_plan(self, table):
        frame = table[0][["area", "city"]]
        est = MultiInputRegressor(epochs=1, batch_size=16, random_state=0)
        plan = est.plan(frame, table[0]["price"])
        est.fit(frame, table[0]["price"])
        assert plan.n_weights == est.model_.count_params()
        assert without_head(plan.recipe) == without_head(est.recipe_)
        assert plan.recipe.n_steps == 4
        assert plan.recipe.reasons["batch_size"] == plan.recipe.reasons["epochs"] == "given"
        assert plan.target[0].value.startswith("1 number; learned in units of mean")

    def test_rows_to_validate_on_and_weights_count(self, classifier, table):
        frame, outcome = table
        weight = np.r_[np.zeros(10), np.ones(50)]
        held = {"X_val": frame[:7], "y_val": outcome[:7]}
        plan = classifier.plan(frame[["area"]], outcome, weight, **held)
        assert (plan.n_rows, plan.n_held) == (50, 7)
        assert plan.recipe.reasons["validation_fraction"] == "X_val is given"

    def test_a_table_in_files_has_a_plan(self, table, tmp_path, classifier):
        frame = table[0][["area", "city"]].assign(outcome=table[1])
        frame.to_csv(tmp_path / "rows.csv", index=False)
        plan = classifier.plan(str(tmp_path / "rows.csv"), "outcome")
        assert (plan.n_rows, plan.n_held) == (48, 12)

    def test_a_network_made_by_hand_has_a_plan(self, table):
        def network(inputs, target):
            hidden = keras.layers.Dense(4)(inputs["numbers"])
            return keras.layers.Dense(target.width, activation=target.activation)(hidden)

        plan = MultiInputClassifier(model=network, random_state=0).plan(table[0][["area"]], table[1])
        assert [part.name for part in plan.parts] == ["model"]
        assert "network" in str(plan)
        assert "Dense 4" in plan._repr_html_()

    def test_given_parts_need_no_line(self, table):
        router = InputRouter([("place", CategoryIndexer(), "city")])
        plan = MultiInputClassifier(router, head=DenseHead((3,)), random_state=0).plan(*table)
        assert [choice.what for choice in plan.routing] == ["branch of place"]
        assert plan.recipe.reasons["head"] == "given"

    def test_each_line_sets_a_parameter(self, plan, table):
        lines = [choice.line for choice in (*plan.target, *plan.training, *plan.routing) if choice.line]
        assert len(lines) > 12
        for line in lines:
            params = eval(f"dict({line})", vars(skmulti).copy())
            est = MultiInputClassifier(random_state=0).set_params(**params)
            est._validate_params()
        kinds = [choice for choice in plan.routing if "'id'" in choice.line]
        changed = MultiInputClassifier(random_state=0).set_params(
            **eval(f"dict({kinds[0].line})", vars(skmulti).copy())
        )
        assert "id" in [name for entry in changed.plan(*table).inputs for name in entry.columns]


class TestNothingChanges:
    def test_an_estimator_that_is_not_fitted_stays_so(self, table):
        est = MultiInputClassifier(random_state=np.random.RandomState(0))
        before, state = dict(vars(est)), random.getstate()
        drawn = est.random_state.get_state()[1].tolist()
        np.random.seed(1)
        numpy_state = np.random.get_state()[1].tolist()
        est.plan(*table)
        assert vars(est) == before
        assert est.random_state.get_state()[1].tolist() == drawn
        assert random.getstate() == state
        assert np.random.get_state()[1].tolist() == numpy_state

    def test_a_fitted_estimator_predicts_as_before(self, fitted, table):
        before, proba = dict(vars(fitted)), fitted.predict_proba(table[0])
        fitted.plan(table[0][["area"]], table[1], measure=True)
        assert {name: id(value) for name, value in vars(fitted).items()} == {
            name: id(value) for name, value in before.items()
        }
        np.testing.assert_array_equal(fitted.predict_proba(table[0]), proba)

    def test_callbacks_are_not_called(self, table):
        class Loud(keras.callbacks.Callback):
            def set_model(self, model):
                raise AssertionError

        MultiInputClassifier(callbacks=[Loud()]).plan(table[0][["area"]], table[1])

    def test_warnings_of_the_fit_are_listed_and_not_given(self, table, plan, classifier):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            classifier.plan(*table)
        assert len(plan.warnings) == 1
        assert plan.warnings[0].startswith(
            "DroppedColumnsWarning: 1 column is left out although the cells differ: 'id'"
        )


class TestRefusals:
    @pytest.mark.parametrize(
        ("change", "params"),
        [
            ({"y": None}, {}),
            ({"y": [0, 1]}, {}),
            ({"X_val": [[1.0]]}, {}),
            ({"sample_weight": [-1] * 60}, {}),
            ({}, {"epochs": 0}),
            ({}, {"router": InputRouter}),
            ({}, {"branches": {"nothing": DenseHead()}}),
            ({}, {"optimizer": "adan"}),
            ({"steps": 3}, {}),
        ],
        ids=["no y", "short y", "no y_val", "weights", "epochs", "router", "branches", "optimizer", "argument"],
    )
    def test_plan_refuses_what_fit_refuses(self, table, change, params):
        given = {"X": table[0][["area"]], "y": table[1], **change}
        found = []
        for name in ("fit", "plan"):
            est = MultiInputClassifier(**params)
            with pytest.raises((ValueError, TypeError)) as error:
                getattr(est, name)(**given)
            found.append((error.type, str(error.value)))
        # An unknown argument is answered with those of the method.
        assert found[0] == found[1] or "steps" in change

    def test_batches_are_refused_and_not_read(self):
        batch = {"a": np.zeros((2, 1), "float32")}, np.array([0, 1])

        def batches():
            yield batch

        generator = batches()
        for source in (generator, batches, tf.data.Dataset.from_tensors(batch)):
            with pytest.raises(InputMismatchError, match=r"plan reads tables, and X is the .* Give a DataFrame"):
                MultiInputClassifier().plan(source)
        # A generator cannot be rewound.
        assert next(generator) is batch


class TestSeconds:
    def test_an_epoch_is_measured_when_asked(self, classifier, table, plan):
        measured = classifier.plan(table[0][["area"]], table[1], measure=True)
        assert set(plan.seconds) == {"route", "build"}
        assert set(measured.seconds) == {"route", "build", "trace", "step", "epoch"}
        assert 0 < measured.seconds["step"] < measured.seconds["epoch"]
        assert "measured on a few steps" in squeezed_words(measured)
        assert "plan(X, y, measure=True)" in squeezed_words(plan)

    def test_steps_of_rows_that_are_decoded_on_access_are_measured(self):
        frame, outcome = make_listings(40, 0, size=(8, 8))
        router = InputRouter([("photo", ImageDecoder(size=(8, 8), lazy=True), "photo")])
        plan = MultiInputClassifier(router, batch_size=8, epochs=1, random_state=0).plan(frame, outcome, measure=True)
        assert plan.seconds["epoch"] > plan.seconds["step"] > 0
        assert plan.memory["arrays"] == 0


def squeezed_words(plan):
    return " ".join(str(plan).split())


LONG = "a_column_with_a_name_that_is_" + "very_" * 20 + "long"


class TestText:
    def test_it_fits_100_columns_and_names_everything(self, table):
        frame, outcome = table
        wide = pd.DataFrame({f"measure {i}": np.arange(60.0) ** i for i in range(1, 40)})
        frame = frame.assign(**wide, **{LONG: frame["city"], "绿色的房子" * 9: frame["city"]})
        plan = MultiInputClassifier(random_state=0).plan(frame, outcome)
        assert isinstance(plan, Plan)
        text = str(plan)
        assert max(map(len, text.split("\n"))) <= 100
        assert "..." not in text
        letters = squeezed(text)
        for label in ("measure39", "description", "constant:1", "InputRouter(kinds={'id':'category'})"):
            assert label in letters
        # Wrapped among the cells beside it, but with every letter.
        assert text.count("very_") >= 20
        assert sum(line.count("绿") for line in text.split("\n")) >= 9

    def test_every_choice_has_a_reason(self, plan):
        assert all(choice.why for choice in (*plan.target, *plan.training, *plan.routing))
        for choice in plan.training:
            assert choice.what in str(plan)

    def test_cells_that_would_colour_a_terminal_are_written_out(self, table):
        frame = table[0][["area"]].rename(columns={"area": "a\x1b[31m\nb"})
        text = str(MultiInputClassifier(random_state=0).plan(frame, table[1]))
        assert "\x1b" not in text


class Parser(html.parser.HTMLParser):
    """Gathers tags and texts."""

    def __init__(self):
        super().__init__()
        self.tags, self.texts = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture(scope="module")
def page(table, tmp_path_factory):
    frame = table[0].rename(columns={"area": "<script>alert(1)</script>", "city": LONG})
    plan = MultiInputClassifier(random_state=0).plan(frame, np.where(table[1] == table[1][0], "<b>yes</b>", "no"))
    return plan.to_html(tmp_path_factory.mktemp("plan") / "plan.html")


class TestPage:
    def test_text_of_cells_stays_text(self, page):
        parser = Parser()
        parser.feed(page.read_text(encoding="utf-8"))
        assert "script" not in parser.tags
        assert any("<script>alert(1)</script>" in text for text in parser.texts)
        assert any("<b>yes</b>" in text for text in parser.texts)

    def test_a_notebook_shows_a_fragment(self, plan):
        parser = Parser()
        parser.feed(plan._repr_html_())
        assert "html" not in parser.tags
        words = " ".join(parser.texts)
        for word in ("numbers", "PiecewiseBranch", "ConcatenateMerge", "DenseHead", "binary_crossentropy", "Left out"):
            assert word in words

    @pytest.mark.parametrize("width", [360, 1400])
    @pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
    def test_it_fits_the_window(self, page, width, dark):
        with opened(page, width=width, dark=dark) as shown:
            assert overflow(shown) == 0
            assert not shown.errors
            assert not shown.requests
