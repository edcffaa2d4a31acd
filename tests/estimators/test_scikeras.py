"""What the estimators have from SciKeras: signature, tags, parameters, callbacks, compile arguments, names."""

import inspect
import pickle
from importlib.util import find_spec

import keras
import numpy as np
import pandas as pd
import pytest
from scikeras.wrappers import KerasClassifier, KerasRegressor
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.model_selection import GridSearchCV, StratifiedKFold, check_cv, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skmulti import (
    AttentionMerge,
    DenseBranch,
    DenseHead,
    ImageDecoder,
    InputRouter,
    InteractionMerge,
    MultiInputClassifier,
    MultiInputRegressor,
    NumberScaler,
    TextVectorizer,
)

ESTIMATORS = [MultiInputClassifier, MultiInputRegressor]
ROUTER = InputRouter([("numbers", NumberScaler(), ["a", "b"])])
SMALL = {
    "branches": {"numbers": DenseBranch(units=(4,))},
    "head": DenseHead(units=()),
    "epochs": 1,
    "random_state": 0,
    # A step that Python runs is slower than a compiled one, but not the first.
    "compile__run_eagerly": True,
}


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=40), "b": rng.normal(size=40)})
    return X, np.where(X["a"] > 0, "yes", "no")


@pytest.fixture(scope="module")
def fitted(rows):
    return MultiInputClassifier(ROUTER, **SMALL).fit(*rows)


@pytest.fixture
def listings():
    """Return an unfitted classifier with the router of the documentation."""
    router = InputRouter(
        [
            ("place", OneHotEncoder(handle_unknown="ignore"), ["location", "membership"]),
            ("money", StandardScaler(), ["age", "income"]),
            ("review", TextVectorizer(max_tokens=10_000, length=100), "review"),
            ("photo", ImageDecoder(size=(64, 64)), "photo"),
        ]
    )
    return MultiInputClassifier(router, merge="concatenate", random_state=0)


SIGNATURE = {
    "router": None,
    "branches": None,
    "merge": "concatenate",
    "head": None,
    "model": None,
    "optimizer": "auto",
    "loss": None,
    "metrics": None,
    "class_weight": None,
    "epochs": "auto",
    "batch_size": "auto",
    "validation_fraction": "auto",
    "early_stopping": "auto",
    "n_iter_no_change": "auto",
    "monitor": "auto",
    "callbacks": None,
    "shuffle": True,
    "steps_per_execution": "auto",
    "jit_compile": False,
    "dtype": "float32",
    "input_dropout": 0.0,
    "memory": None,
    "warm_start": False,
    "checkpoint": None,
    "verbose": 0,
    "random_state": None,
    "n_networks": 1,
    "n_jobs": None,
}


class TestSignature:
    def test_classifier_has_the_parameters_and_defaults_of_the_design(self):
        parameters = inspect.signature(MultiInputClassifier).parameters
        assert {name: parameter.default for name, parameter in parameters.items()} == SIGNATURE

    def test_regressor_has_scale_target_in_place_of_class_weight(self):
        parameters = inspect.signature(MultiInputRegressor).parameters
        expected = {**{k: v for k, v in SIGNATURE.items() if k != "class_weight"}, "scale_target": True}
        assert {name: parameter.default for name, parameter in parameters.items()} == expected

    @pytest.mark.parametrize("estimator", ESTIMATORS)
    def test_only_the_router_may_be_given_by_position(self, estimator):
        with pytest.raises(TypeError, match="positional"):
            estimator(ROUTER, {})

    @pytest.mark.parametrize("estimator", ESTIMATORS)
    def test_an_unknown_keyword_is_refused_with_the_closest_match(self, estimator):
        with pytest.raises(TypeError, match="Did you mean 'epochs'"):
            estimator(epoch=3)

    @pytest.mark.parametrize("name", ["validation_split", "build_fn", "run_eagerly"])
    def test_keywords_of_scikeras_that_are_not_ours_are_refused(self, name):
        with pytest.raises(TypeError, match=f"Invalid parameter '{name}'"):
            MultiInputClassifier(**{name: None})

    def test_an_unknown_prefix_is_refused(self):
        with pytest.raises(TypeError, match="optimizr__learning_rate"):
            MultiInputClassifier(optimizr__learning_rate=0.1)

    @pytest.mark.parametrize(
        "prefix", ["optimizer", "loss", "metrics", "callbacks", "compile", "fit", "predict", "model"]
    )
    def test_routed_parameters_are_kept_as_parameters(self, prefix):
        est = MultiInputClassifier(**{f"{prefix}__x": 3})
        assert est.get_params()[f"{prefix}__x"] == 3
        assert clone(est).get_params()[f"{prefix}__x"] == 3

    def test_arguments_are_stored_untouched(self):
        branches, metrics = {"a": DenseBranch()}, ["accuracy"]
        est = MultiInputClassifier(ROUTER, branches=branches, metrics=metrics)
        assert (est.router is ROUTER, est.branches is branches, est.metrics is metrics) == (True, True, True)

    def test_repr_shows_only_what_was_changed(self):
        assert repr(MultiInputClassifier()) == "MultiInputClassifier()"
        shown = repr(MultiInputRegressor(epochs=3, optimizer__learning_rate=0.1))
        assert shown == "MultiInputRegressor(epochs=3, optimizer__learning_rate=0.1)"

    def test_html_diagram_names_the_estimator(self, listings):
        assert "MultiInputClassifier" in listings._repr_html_()


class TestTags:
    def test_estimators_are_those_of_scikeras(self):
        assert issubclass(MultiInputClassifier, KerasClassifier)
        assert issubclass(MultiInputRegressor, KerasRegressor)

    def test_scikit_learn_sees_a_classifier_and_a_regressor(self):
        assert is_classifier(MultiInputClassifier())
        assert not is_regressor(MultiInputClassifier())
        assert is_regressor(MultiInputRegressor())
        assert not is_classifier(MultiInputRegressor())

    def test_cross_validation_of_a_classifier_is_stratified(self):
        folds = check_cv(3, [0, 1, 0, 1, 0, 1], classifier=is_classifier(MultiInputClassifier()))
        assert isinstance(folds, StratifiedKFold)

    def test_grid_search_runs_over_parts_and_routed_parameters(self, rows):
        grid = {
            "branches__numbers__units": [(2,), (3,)],
            "optimizer__learning_rate": [1e-2],
        }
        search = GridSearchCV(MultiInputClassifier(ROUTER, **SMALL), grid, cv=2, error_score="raise").fit(*rows)
        assert search.best_estimator_.branches["numbers"].units == search.best_params_["branches__numbers__units"]
        assert float(search.best_estimator_.model_.optimizer.learning_rate.numpy()) == pytest.approx(1e-2)

    def test_roc_auc_is_scored(self, rows):
        scores = cross_val_score(
            MultiInputClassifier(ROUTER, **SMALL), *rows, cv=2, scoring="roc_auc", error_score="raise"
        )
        assert np.isfinite(scores).all()

    def test_a_pipeline_fits_and_predicts(self, rows):
        X, y = rows
        pipe = make_pipeline("passthrough", MultiInputClassifier(ROUTER, **SMALL)).fit(X, y)
        assert set(pipe.predict(X)) <= {"yes", "no"}


class TestParams:
    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ("branches__photo__filters", (16,)),
            ("branches__review__architecture", "lstm"),
            ("branches__place__units", (8,)),
            ("branches__money__dropout", 0.5),
            ("router__review__max_tokens", 5_000),
            ("router__money__with_mean", False),
            ("router__remainder", "passthrough"),
            ("optimizer__learning_rate", 3e-3),
            ("head__dropout", 0.5),
            ("head__units", (8, 8)),
            ("epochs", 7),
        ],
    )
    def test_what_is_set_is_what_is_got(self, listings, path, value):
        assert listings.set_params(**{path: value}).get_params()[path] == value
        assert clone(listings).get_params()[path] == value

    @pytest.mark.parametrize(
        "path",
        ["branches__photo__filters", "branches__review__architecture", "head__dropout", "router__review__max_tokens"],
    )
    def test_parameters_of_defaults_are_listed(self, listings, path):
        assert path in listings.get_params()

    def test_a_whole_branch_can_be_set(self, listings):
        branch = DenseBranch(units=(64, 32))
        assert listings.set_params(branches__place=branch).branches == {"place": branch}
        assert listings.get_params()["branches__place__units"] == (64, 32)

    def test_a_whole_encoder_can_be_set(self, listings):
        listings.set_params(router__money=NumberScaler())
        assert isinstance(listings.get_params()["router__money"], NumberScaler)

    def test_setting_a_default_branch_keeps_the_others_default(self, listings):
        listings.set_params(branches__photo__filters=(8,))
        assert list(listings.branches) == ["photo"]

    def test_a_merge_given_as_a_name_takes_parameters(self):
        est = MultiInputClassifier(merge="attention").set_params(merge__units=8)
        assert isinstance(est.merge, AttentionMerge)
        assert est.get_params()["merge__units"] == 8

    @pytest.mark.parametrize("merge", ["interaction", "gated", "average", InteractionMerge()])
    def test_parameters_of_a_merge_are_listed(self, merge):
        assert MultiInputClassifier(merge=merge).get_params()["merge__units"] is None

    def test_an_unset_head_takes_parameters(self):
        est = MultiInputClassifier().set_params(head__dropout=0.25)
        assert (est.head.dropout, est.head.units) == (0.25, "auto")

    def test_whole_parts_are_set_before_their_parameters(self, listings):
        listings.set_params(
            merge__units=16,
            merge="gated",
            branches__place__units=(5,),
            branches__place=DenseBranch(dropout=0.1),
            head__units=(3,),
            head=DenseHead(dropout=0.2),
        )
        params = listings.get_params()
        assert params["merge__units"] == 16
        assert (params["branches__place__units"], params["branches__place__dropout"]) == ((5,), 0.1)
        assert (params["head__units"], params["head__dropout"]) == ((3,), 0.2)

    def test_branches_as_a_whole_are_set_before_one_of_them(self, listings):
        listings.set_params(branches__photo__filters=(4,), branches={"place": DenseBranch()})
        assert sorted(listings.branches) == ["photo", "place"]
        assert listings.branches["photo"].filters == (4,)

    def test_a_new_router_is_set_before_the_branches_of_its_inputs(self):
        est = MultiInputClassifier(ROUTER)
        est.set_params(branches__x__units=(2,), router=InputRouter([("x", StandardScaler(), ["a"])]))
        assert est.branches["x"].units == (2,)

    def test_the_dict_of_branches_that_was_given_is_not_changed(self):
        branches = {}
        MultiInputClassifier(ROUTER, branches=branches).set_params(branches__numbers__units=(3,))
        assert branches == {}

    def test_set_params_returns_the_estimator(self, listings):
        assert listings.set_params() is listings

    @pytest.mark.parametrize(
        ("path", "match"),
        [
            ("epoch", "Did you mean 'epochs'"),
            ("hed__units", "Did you mean 'head'"),
            ("branches__foto__filters", "Did you mean 'photo'"),
            ("branches__foto", "Did you mean 'photo'"),
            ("branches__photo__filter", "filter"),
            ("router__reviev__max_tokens", "Did you mean 'review'"),
            ("router__review__max_token", "max_token"),
            ("head__unit", "unit"),
            ("merge__unit", "unit"),
        ],
    )
    def test_a_misspelt_name_is_refused_at_every_level(self, listings, path, match):
        with pytest.raises(ValueError, match=match):
            listings.set_params(**{path: 1})

    def test_a_part_without_parameters_says_so(self):
        with pytest.raises(ValueError, match="has no parameters to set"):
            MultiInputClassifier(merge=min).set_params(merge__units=3)

    @pytest.mark.parametrize("value", [-1, "photo", [1], 3.5])
    def test_get_params_survives_branches_that_are_none(self, value):
        assert MultiInputClassifier(ROUTER, branches=value).get_params()["branches"] == value

    @pytest.mark.parametrize("value", [-1, [DenseBranch()]])
    def test_branches_that_are_none_are_refused_at_fit(self, rows, value):
        with pytest.raises(ValueError, match="'branches' parameter"):
            MultiInputClassifier(ROUTER, branches=value).fit(*rows)

    @pytest.mark.parametrize("merge", ["concatenat", -1, None])
    def test_get_params_survives_a_merge_that_is_none(self, merge):
        assert MultiInputClassifier(merge=merge).get_params()["merge"] == merge

    def test_a_misspelt_merge_is_refused_at_fit_with_the_closest_match(self, rows):
        with pytest.raises(ValueError, match="Did you mean 'concatenate'"):
            MultiInputClassifier(ROUTER, merge="concatenat").fit(*rows)

    def test_branches_of_inferred_inputs_wait_for_fit(self, rows):
        est = MultiInputClassifier(epochs=1, random_state=0, compile__run_eagerly=True)
        est.set_params(branches__numbers__units=(3,)).fit(*rows)
        assert est.branches_["numbers"].units == (3,)

    def test_a_branch_of_no_inferred_input_is_refused_at_fit(self, rows):
        est = MultiInputClassifier(epochs=1).set_params(branches__number__units=(3,))
        with pytest.raises(ValueError, match="Did you mean 'numbers'"):
            est.fit(*rows)

    def test_branches_that_wait_survive_clone_and_are_got(self):
        est = MultiInputClassifier().set_params(branches__numbers__units=(3,))
        assert clone(est).get_params()["branches__numbers__units"] == (3,)

    def test_a_clone_is_unfitted_and_shares_no_part(self, fitted):
        twin = clone(fitted)
        assert not hasattr(twin, "model_")
        assert twin.branches["numbers"] is not fitted.branches["numbers"]
        assert twin.router is not fitted.router

    def test_fit_adds_no_parameter(self, fitted):
        assert fitted.get_params(deep=False).keys() == MultiInputClassifier(**SMALL).get_params(deep=False).keys()

    @pytest.mark.parametrize(("name", "value"), [("epochs", 0), ("batch_size", "big"), ("dtype", "float16")])
    def test_values_of_no_sense_are_refused_at_fit(self, rows, name, value):
        with pytest.raises(ValueError, match=f"'{name}' parameter"):
            MultiInputClassifier(ROUTER, **{name: value}).fit(*rows)


class Counter(keras.callbacks.Callback):
    """Count epochs; `start` is where."""

    def __init__(self, start=0):
        super().__init__()
        self.count = start

    def on_epoch_end(self, epoch, logs=None):
        self.count += 1


@pytest.fixture(scope="module")
def with_instance(rows):
    """Return a callback and the estimator that was fitted with it."""
    own = Counter()
    return own, MultiInputClassifier(ROUTER, callbacks=own, **SMALL).fit(*rows)


class TestCallbacks:
    def test_an_instance_is_copied_for_the_fit(self, with_instance):
        own, est = with_instance
        assert (own.count, est.callbacks_[0].count) == (0, 1)
        assert est.callbacks_[0] is not own

    def test_the_instance_that_was_given_knows_no_model(self, with_instance):
        assert with_instance[0]._model is None

    def test_callbacks_do_not_make_a_pickle_hold_the_network_twice(self, with_instance, fitted):
        assert len(pickle.dumps(with_instance[1])) < 1.5 * len(pickle.dumps(fitted))

    def test_a_class_takes_its_routed_parameters(self, rows):
        est = MultiInputClassifier(ROUTER, callbacks=Counter, callbacks__start=10, **SMALL).fit(*rows)
        assert est.callbacks_[0].count == 11

    def test_a_list_takes_parameters_by_position(self, rows):
        callbacks = [Counter, Counter(5)]
        est = MultiInputClassifier(ROUTER, callbacks=callbacks, callbacks__0__start=20, **SMALL).fit(*rows)
        assert [callback.count for callback in est.callbacks_] == [21, 6]

    def test_a_dict_takes_parameters_by_name(self, rows):
        callbacks = {"first": Counter, "more": [Counter(5), Counter]}
        est = MultiInputClassifier(ROUTER, callbacks=callbacks, callbacks__first__start=20, **SMALL).fit(*rows)
        assert [callback.count for callback in est.callbacks_] == [21, 6, 1]

    def test_a_second_fit_starts_with_fresh_callbacks(self, rows):
        est = MultiInputClassifier(ROUTER, callbacks=Counter(), **SMALL).fit(*rows).fit(*rows)
        assert est.callbacks_[0].count == 1

    def test_what_is_no_callback_is_refused(self, rows):
        with pytest.raises(TypeError, match="allback"):
            MultiInputClassifier(ROUTER, callbacks=[3], **SMALL).fit(*rows)


@pytest.mark.skipif(find_spec("sklearn.callback") is not None, reason="scikit-learn has callbacks")
def test_callbacks_of_a_newer_scikit_learn_are_refused_with_the_way_out():
    with pytest.raises(NotImplementedError, match=r"came with scikit-learn 1\.9.*callbacks=\[\.\.\.\]"):
        MultiInputClassifier().set_callbacks()


class TestCompile:
    def test_an_epoch_of_fewer_steps_takes_no_more(self, rows):
        params = {**SMALL, "epochs": 2, "batch_size": 8, "fit__steps_per_epoch": 2}
        assert int(MultiInputClassifier(ROUTER, **params).fit(*rows).model_.optimizer.iterations) == 4

    def test_an_optimizer_is_made_from_name_and_parameters(self, rows):
        params = {**SMALL, "optimizer": "sgd", "optimizer__momentum": 0.5, "optimizer__learning_rate": 0.25}
        optimizer = MultiInputClassifier(ROUTER, **params).fit(*rows).model_.optimizer
        assert isinstance(optimizer, keras.optimizers.SGD)
        assert (optimizer.momentum, float(optimizer.learning_rate.numpy())) == (0.5, 0.25)

    def test_a_misspelt_parameter_of_the_optimizer_is_named(self, rows):
        with pytest.raises((TypeError, ValueError), match="lerning_rate"):
            MultiInputClassifier(ROUTER, optimizer__lerning_rate=0.1, **SMALL).fit(*rows)

    def test_an_optimizer_object_takes_no_routed_parameters(self, rows):
        with pytest.raises(TypeError, match="does not accept parameters"):
            MultiInputClassifier(ROUTER, optimizer=keras.optimizers.Adam(), optimizer__learning_rate=0.1, **SMALL).fit(
                *rows
            )

    @pytest.mark.parametrize("name", ["optimizer", "loss"])
    def test_a_name_that_keras_does_not_know_is_refused(self, rows, name):
        with pytest.raises(ValueError, match="no name that Keras knows"):
            MultiInputClassifier(ROUTER, **{name: "adm"}, **SMALL).fit(*rows)

    def test_metrics_have_their_names_whatever_was_made_before(self, rows):
        keras.metrics.AUC(), keras.metrics.AUC()
        est = MultiInputClassifier(ROUTER, metrics=["auc"], **SMALL).fit(*rows)
        assert list(est.history_) == ["auc", "loss", "learning_rate"]

    def test_metrics_take_names_and_objects(self, rows):
        metrics = ["auc", keras.metrics.Precision(name="exactness")]
        est = MultiInputClassifier(ROUTER, metrics=metrics, **SMALL).fit(*rows)
        assert {"auc", "exactness"} <= est.history_.keys()

    def test_a_loss_name_takes_routed_parameters(self, rows):
        X = rows[0]
        y = np.array([0.0, 4.0] * 20)
        losses = []
        for delta in (0.1, 10.0):
            params = {**SMALL, "optimizer": "sgd", "optimizer__learning_rate": 1e-12, "shuffle": False}
            est = MultiInputRegressor(ROUTER, loss="huber", loss__delta=delta, scale_target=False, **params).fit(X, y)
            error = np.abs(y - est.predict(X))
            expected = np.where(error <= delta, error**2 / 2, delta * error - delta**2 / 2).mean()
            losses.append((est.history_["loss"][0], expected))
        for found, expected in losses:
            assert found == pytest.approx(expected, rel=1e-4)

    def test_jit_is_off_unless_asked_for(self, fitted):
        assert fitted.model_.jit_compile is False

    def test_compile_parameters_win(self, rows):
        est = MultiInputClassifier(ROUTER, **{**SMALL, "compile__loss_weights": None}).fit(*rows)
        assert est.model_.run_eagerly

    def test_a_fit_parameter_that_the_estimator_has_itself_is_refused(self, rows):
        with pytest.raises((TypeError, ValueError), match="fit__epochs"):
            MultiInputClassifier(ROUTER, fit__epochs=3, **SMALL).fit(*rows)

    def test_fit_parameters_reach_keras(self, rows):
        X, y = rows
        est = MultiInputClassifier(ROUTER, fit__validation_freq=2, early_stopping=False, **{**SMALL, "epochs": 4})
        est.fit(X, y, X_val=X, y_val=y)
        assert (len(est.history_["loss"]), len(est.history_["val_loss"])) == (4, 2)


class TestNames:
    def test_two_fits_name_layers_and_optimizer_alike(self, rows):
        fits = [MultiInputClassifier(ROUTER, **SMALL).fit(*rows).model_ for _ in range(2)]
        paths = [[v.path for v in [*model.variables, *model.optimizer.variables]] for model in fits]
        assert paths[0] == paths[1]

    def test_names_that_keras_gives_next_are_those_without_a_fit(self, rows):
        first = keras.layers.Dense(1).name
        MultiInputClassifier(ROUTER, **SMALL).fit(*rows)
        second = keras.layers.Dense(1).name
        numbers = [int(name.partition("_")[2] or 0) for name in (first, second)]
        assert numbers[1] == numbers[0] + 1

    def test_layers_that_the_user_named_before_collide_with_none_of_a_fit(self, rows):
        shared = keras.layers.Dense(2)

        def network(inputs, target):
            hidden = keras.layers.Dense(2)(shared(inputs["numbers"]))
            return keras.layers.Dense(target.width, activation=target.activation)(hidden)

        params = {**SMALL, "branches": None, "head": None}
        est = MultiInputClassifier(ROUTER, model=network, **params).fit(*rows)
        names = [layer.name for layer in est.model_.layers]
        assert len(set(names)) == len(names)

    def test_counts_are_put_back_after_an_error(self, rows):
        def broken(inputs, target):
            keras.layers.Dense(1)
            raise KeyError("by purpose")

        first = keras.layers.Dense(1).name
        with pytest.raises(KeyError):
            MultiInputClassifier(ROUTER, model=broken, **{**SMALL, "branches": None, "head": None}).fit(*rows)
        assert int(keras.layers.Dense(1).name.partition("_")[2]) == int(first.partition("_")[2] or 0) + 1
