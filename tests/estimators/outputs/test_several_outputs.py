"""Several labels or columns of classes: losses, weights of classes, chunks, and layers of the output."""

import pickle

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from output_cases import (
    AS_IT_IS,
    N_ROWS,
    classifier,
    columns_of,
    labels_of,
    losses_of_columns,
    losses_of_labels,
    table,
)
from sklearn.base import clone
from sklearn.utils.class_weight import compute_class_weight

from skmulti import (
    BranchMismatchError,
    DenseBranch,
    DenseHead,
    TargetSpec,
)
from skmulti.layers.outputs import OutputsSoftmax
from skmulti.network.heads import classification_target, encode_target
from skmulti.network.losses import OutputsLoss, OutputsMetric


class TestLoss:
    def test_labels_have_the_mean_binary_crossentropy(self, multilabel, X, labels):
        expected = losses_of_labels(labels, multilabel.predict_proba(X)).mean()
        assert multilabel.history_["loss"][0] == pytest.approx(expected, rel=1e-4)

    def test_columns_have_the_mean_of_their_crossentropies(self, multioutput, X, columns):
        expected = losses_of_columns(columns, multioutput, X).mean()
        assert multioutput.history_["loss"][0] == pytest.approx(expected, rel=1e-4)

    def test_the_held_out_loss_is_the_same_one(self, X, columns):
        other = table(20, seed=1)
        est = classifier(**AS_IT_IS).fit(X, columns, X_val=other, y_val=columns_of(other))
        expected = losses_of_columns(columns_of(other), est, other).mean()
        assert est.history_["val_loss"][0] == pytest.approx(expected, rel=1e-4)

    def test_a_focal_loss_of_labels_is_kerass(self, X, labels):
        est = classifier(loss="binary_focal_crossentropy", **AS_IT_IS).fit(X, labels)
        expected = keras.losses.BinaryFocalCrossentropy()(labels.astype("float32"), est.predict_proba(X))
        assert est.history_["loss"][0] == pytest.approx(float(expected), rel=1e-4)

    @pytest.mark.parametrize("loss", ["categorical_crossentropy", keras.losses.CategoricalCrossentropy(), "kld"])
    def test_a_loss_of_one_column_is_that_of_each(self, multioutput, X, columns, loss):
        est = classifier(loss=loss, **AS_IT_IS).fit(X, columns)
        assert est.history_["loss"][0] == pytest.approx(multioutput.history_["loss"][0], rel=1e-4)

    def test_a_loss_of_the_user_sees_one_column_of_classes(self, X, columns):
        widths = []

        def missed(y_true, y_pred):
            widths.append((y_true.shape[1], y_pred.shape[1]))
            return 1 - keras.ops.sum(y_true * y_pred, axis=-1)

        est = classifier(loss=missed, **AS_IT_IS).fit(X, columns)
        expected = 1 - np.exp(-losses_of_columns(columns, est, X)).mean()
        assert est.history_["loss"][0] == pytest.approx(expected, rel=1e-4)
        assert set(widths) == {(2, 2), (3, 3)}

    def test_a_loss_of_the_user_sees_all_labels_of_a_row(self, X, labels):
        def worst(y_true, y_pred):
            return keras.ops.max(keras.ops.abs(y_true - y_pred), axis=-1)

        est = classifier(loss=worst, **AS_IT_IS).fit(X, labels)
        expected = np.abs(labels - est.predict_proba(X)).max(axis=1).mean()
        assert est.history_["loss"][0] == pytest.approx(expected, rel=1e-4)

    @pytest.mark.parametrize(
        ("loss", "match"),
        [
            ("categorical_crossentropy", r"3 labels that can hold together. Use\s+'binary_crossentropy' or"),
            ("sparse_categorical_crossentropy", "3 labels that can hold together"),
            ("hinge", "margins, not probabilities"),
            (keras.losses.BinaryCrossentropy(from_logits=True), "from_logits=True"),
        ],
    )
    def test_a_loss_that_does_not_suit_labels_is_refused(self, X, labels, loss, match):
        with pytest.raises(ValueError, match=match):
            classifier(loss=loss).fit(X, labels)

    @pytest.mark.parametrize(
        ("loss", "match"),
        [
            ("binary_crossentropy", "y has columns of 2 and 3 classes. Use 'categorical_crossentropy'"),
            ("binary_focal_crossentropy", "Use 'categorical_focal_crossentropy', or leave loss=None"),
            ("categorical_hinge", "margins, not probabilities"),
            (keras.losses.Dice(), "loss=dice gives no number for each row"),
        ],
    )
    def test_a_loss_that_does_not_suit_columns_is_refused(self, X, columns, loss, match):
        with pytest.raises(ValueError, match=match):
            classifier(loss=loss).fit(X, columns)

    def test_a_loss_of_whole_batches_cannot_be_weighed_by_label(self, X, labels):
        with pytest.raises(ValueError, match="loss=dice gives no number for each row"):
            classifier(loss=keras.losses.Dice(), class_weight="balanced").fit(X, labels)


class TestClassWeight:
    def test_weights_of_labels_by_hand(self, X, labels):
        class_weight = [{0: 1, 1: 5}, None, {1: 0.5}]
        est = classifier(class_weight=class_weight, **AS_IT_IS).fit(X, labels)
        weights = np.where(labels == 1, [5, 1, 0.5], 1)
        expected = np.average(losses_of_labels(labels, est.predict_proba(X)), weights=weights)
        assert est.history_["loss"][0] == pytest.approx(expected, rel=1e-4)

    @pytest.mark.parametrize("loss", [None, "categorical_crossentropy"])
    def test_balanced_weights_and_weights_of_rows_by_hand(self, X, columns, loss):
        rows = np.linspace(0.5, 3, N_ROWS)
        est = classifier(class_weight="balanced", loss=loss, **AS_IT_IS).fit(X, columns, rows)
        weights = np.empty((N_ROWS, 2))
        for k, classes in enumerate(est.classes_):
            column = columns.iloc[:, k].to_numpy()
            balanced = compute_class_weight("balanced", classes=classes, y=column)
            weights[:, k] = rows * balanced[np.searchsorted(classes, column)]
        expected = np.average(losses_of_columns(columns, est, X), weights=weights)
        assert est.history_["loss"][0] == pytest.approx(expected, rel=1e-4)

    def test_weights_of_rows_alone_by_hand(self, X, columns):
        rows = np.linspace(0.5, 3, N_ROWS)
        est = classifier(**AS_IT_IS).fit(X, columns, rows)
        expected = np.average(losses_of_columns(columns, est, X).mean(axis=1), weights=rows)
        assert est.history_["loss"][0] == pytest.approx(expected, rel=1e-4)

    def test_the_held_out_loss_is_weighed_by_label(self, X, labels):
        other = table(20, seed=1)
        given = {"X_val": other, "y_val": labels_of(other)}
        est = classifier(class_weight=[{1: 5}, {1: 1}, {1: 1}], **AS_IT_IS).fit(X, labels, **given)
        weights = np.where(labels_of(other) == 1, [5, 1, 1], 1)
        expected = np.average(losses_of_labels(labels_of(other), est.predict_proba(other)), weights=weights)
        assert est.history_["val_loss"][0] == pytest.approx(expected, rel=1e-4)

    @pytest.mark.parametrize("twice", [1, "right"])
    def test_a_weight_of_two_in_all_columns_is_the_row_twice(self, X, twice):
        one = (X["a"] > 0).to_numpy()
        y = np.column_stack([one, one]) * 1 if twice == 1 else np.where(np.column_stack([one, one]), "right", "left")
        step = {"optimizer": "sgd", "optimizer__learning_rate": 0.5, "batch_size": 100}
        weighted = classifier(class_weight=[{twice: 2}, {twice: 2}], **step).fit(X, y)
        again = np.repeat(np.arange(N_ROWS), np.where(one, 2, 1))
        repeated = classifier(**step).fit(X.iloc[again], y[again])
        assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), atol=1e-6)

    def test_a_column_without_weight_learns_nothing(self, X, columns):
        nothing = {"left": 0, "right": 0}
        est = classifier(class_weight=[nothing, None], optimizer="sgd", batch_size=100).fit(X, columns)
        before = classifier(**AS_IT_IS).fit(X, columns).model_.get_layer("head__output").get_weights()
        changed = [
            np.abs(new - old).max(axis=0)
            for new, old in zip(
                [w.reshape(-1, 5) for w in est.model_.get_layer("head__output").get_weights()],
                [w.reshape(-1, 5) for w in before],
                strict=True,
            )
        ]
        assert_allclose(np.max(changed, axis=0)[:2], 0, atol=1e-7)
        assert (np.max(changed, axis=0)[2:] > 1e-5).all()

    def test_labels_of_class_weights_are_those_of_the_user(self, X, labels):
        by_number = classifier(class_weight=[{1: 3}] * 3).fit(X, labels)
        by_truth = classifier(class_weight=[{True: 3}] * 3).fit(X, labels.astype(bool))
        assert_array_equal(by_number.predict_proba(X), by_truth.predict_proba(X))

    @pytest.mark.parametrize(
        ("class_weight", "match"),
        [
            ({1: 5}, r"does not fit y of 3 column\(s\). Give a list of 3, a dict, 'balanced' or None for each"),
            ([{1: 5}], "Give a list of 3"),
            ([{"yes": 5}] * 3, "class_weight names .*no label of y"),
            ([{0: 0, 1: 0}] * 3, "class_weight and sample_weight leave no row a weight"),
            ("heavy", "The 'class_weight' parameter"),
        ],
    )
    def test_weights_that_do_not_fit_are_refused(self, X, labels, class_weight, match):
        with pytest.raises(ValueError, match=match):
            classifier(class_weight=class_weight).fit(X, labels)

    def test_a_list_for_one_column_is_refused(self, X, labels):
        with pytest.raises(ValueError, match="Give one, without a list"):
            classifier(class_weight=[{1: 5}]).fit(X, labels[:, 0])


class TestLearning:
    SETTINGS = {"epochs": 60, "batch_size": 300, "optimizer__learning_rate": 0.05, "compile__run_eagerly": False}

    def test_labels_that_numbers_decide_are_learned_together(self):
        train, test = table(300, seed=1), table(300, seed=2)
        branches = {"numbers": DenseBranch(units=(16,))}
        est = classifier(branches=branches, early_stopping=False, **self.SETTINGS).fit(train, labels_of(train))
        assert est.score(test, labels_of(test)) > 0.85

    @pytest.mark.parametrize(("make", "class_weight"), [(columns_of, None), (labels_of, "balanced")])
    def test_a_network_that_is_sure_of_the_wrong_class_still_learns(self, make, class_weight):
        """The crossentropy of a probability that is 0 in float32 has no gradient."""
        X = table(300, seed=1) * 1e5
        y = make(X)
        est = classifier(class_weight=class_weight, **self.SETTINGS).fit(X, y)
        assert est.score(X, y) > 0.6

    def test_columns_that_numbers_decide_are_learned_together(self):
        train, test = table(300, seed=1), table(300, seed=2)
        branches = {"numbers": DenseBranch(units=(16,))}
        est = classifier(branches=branches, early_stopping=False, **self.SETTINGS).fit(train, columns_of(train))
        assert est.score(test, columns_of(test)) > 0.85


class TestHeldOutRows:
    def test_a_rare_label_does_not_keep_rows_from_being_held_out(self, X, labels):
        y = np.where([True, True, False], labels, 0)
        y[5, 2] = 1
        est = classifier(early_stopping=True, validation_fraction=0.2).fit(X, y)
        assert "val_loss" in est.history_

    def test_class_weights_are_those_of_all_rows(self, X, columns):
        held = classifier(class_weight="balanced", early_stopping=True, validation_fraction=0.4).fit(X, columns)
        whole = classifier(class_weight="balanced").fit(X, columns)
        for own, other in zip(held._target.labels.weights, whole._target.labels.weights, strict=True):
            assert_array_equal(own, other)


class TestContinuing:
    def test_classes_of_each_column_may_be_wider_than_the_first_chunk(self, X):
        chunk = [["a", 1], ["a", 1]]
        est = classifier().partial_fit(X[:2], chunk, classes=[["c", "a"], [3, 1, 2]])
        assert [classes.tolist() for classes in est.classes_] == [["a", "c"], [1, 2, 3]]
        est.partial_fit(X[:2], [["c", 3], ["a", 2]], classes=[["a", "c"], [1, 2, 3]])
        assert [part.shape for part in est.predict_proba(X)] == [(N_ROWS, 2), (N_ROWS, 3)]

    def test_labels_need_no_classes(self, X):
        est = classifier().partial_fit(X[:2], [[0, 0], [0, 0]]).partial_fit(X[:2], [[1, 0], [0, 1]])
        assert est.predict_proba(X).shape == (N_ROWS, 2)

    def test_classes_as_they_are_shown_are_taken(self, X, labels, multilabel):
        est = classifier().partial_fit(X, labels, classes=multilabel.classes_)
        assert est.partial_fit(X, labels, classes=est.classes_).n_iter_ == 2

    def test_wider_classes_make_classes_of_zeros_and_ones(self, X):
        est = classifier().partial_fit(X[:2], [[0, 0], [1, 0]], classes=[[0, 1, 2], [0, 1]])
        assert [part.shape[1] for part in est.predict_proba(X)] == [3, 2]

    def test_other_classes_later_are_refused(self, X, columns):
        est = classifier().partial_fit(X, columns)
        with pytest.raises(ValueError, match="not the same as on last call"):
            est.partial_fit(X, columns, classes=[["left", "right"], [0, 1]])

    @pytest.mark.parametrize("classes", [[0, 1, 2], [[0, 1]]])
    def test_classes_that_are_not_those_of_each_column_are_refused(self, X, labels, classes):
        with pytest.raises(ValueError, match="Give a list of 3, an array of labels for each column of y"):
            classifier().partial_fit(X, labels, classes=classes)

    def test_an_unknown_label_is_refused(self, X, labels):
        est = classifier().partial_fit(X, labels)
        with pytest.raises(ValueError, match=r"not in classes_ \(column 0\): 2; known are 0 and 1"):
            est.partial_fit(X, labels * 2)

    def test_balance_is_refused(self, X, labels):
        with pytest.raises(ValueError, match="class_weight='balanced' is not supported for partial_fit"):
            classifier(class_weight=[None, "balanced", None]).partial_fit(X, labels)

    def test_weights_of_labels_count_in_a_chunk(self, X, columns):
        step = {"optimizer": "sgd", "batch_size": 100, "class_weight": [{"left": 4}, {2: 3}]}
        by_chunk, whole = classifier(**step).partial_fit(X, columns), classifier(**step).fit(X, columns)
        for own, other in zip(by_chunk.predict_proba(X), whole.predict_proba(X), strict=True):
            assert_array_equal(own, other)

    def test_warm_start_goes_on_with_the_same_network(self, X, columns):
        est = classifier(warm_start=True).fit(X, columns)
        model = est.model_
        assert est.fit(X, columns).model_ is model
        assert est.n_iter_ == 2


class TestParts:
    @pytest.mark.parametrize(
        ("target", "width"),
        [
            (TargetSpec(n_classes=2, n_outputs=3, activation="sigmoid"), 3),
            (TargetSpec(n_classes=(3, 2, 1), n_outputs=3), 6),
            (TargetSpec(n_outputs=3), 3),
        ],
    )
    def test_the_output_has_a_unit_for_each_label_or_class(self, target, width):
        merged = keras.Input((4,))
        assert target.width == width
        assert DenseHead().attach(merged, target).shape == (None, width)

    @pytest.mark.parametrize(("loss", "one_hot"), [(None, False), ("categorical_crossentropy", True)])
    def test_columns_are_encoded_as_the_loss_takes_them(self, loss, one_hot):
        numbers = np.array([[0, 2], [1, 0]])
        expected = [[1, 0, 0, 0, 1], [0, 1, 1, 0, 0]] if one_hot else numbers
        assert_array_equal(encode_target(numbers, classification_target((2, 3), loss)), expected)

    @pytest.mark.parametrize("y", [labels_of(table()), columns_of(table())], ids=["labels", "columns"])
    def test_a_network_by_hand_gives_probabilities(self, X, y):
        def network(inputs, target):
            return keras.layers.Dense(target.width, activation=target.activation)(inputs["numbers"])

        est = classifier(model=network, branches=None).fit(X, y)
        proba = est.predict_proba(X)
        sums = [part.sum(axis=1) for part in proba] if isinstance(proba, list) else [1]
        assert_allclose(sums, 1)

    def test_a_network_by_hand_of_wrong_width_is_refused(self, X, columns):
        with pytest.raises(BranchMismatchError, match=r"expected an output tensor of shape \(batch, 5\)"):
            classifier(model=lambda inputs, target: inputs["numbers"], branches=None).fit(X, columns)

    def test_a_softmax_over_each_output_by_hand(self):
        logits = np.array([[1.0, 2, 5, 0, 0, 3], [0, 0, -1, 1, 2, 9]], dtype="float32")
        powers = np.exp(logits)
        expected = np.hstack([part / part.sum(axis=1, keepdims=True) for part in np.split(powers, [2, 5], axis=1)])
        assert_allclose(keras.ops.convert_to_numpy(OutputsSoftmax([2, 3, 1])(logits)), expected, rtol=1e-6)

    @pytest.mark.parametrize(("reduction", "factor"), [("sum_over_batch_size", 1), ("sum", 2), ("none", None)])
    def test_a_row_counts_as_the_mean_of_its_outputs(self, reduction, factor):
        proba = np.array([[0.2, 0.8, 0.1, 0.3, 0.6], [0.5, 0.5, 0.7, 0.2, 0.1]], dtype="float32")
        y = np.array([[1, 0], [0, 2]])
        each = -np.log([[0.8, 0.1], [0.5, 0.1]])
        loss = OutputsLoss("sparse_categorical_crossentropy", widths=[2, 3], reduction=reduction)
        expected = each if factor is None else factor * each.mean()
        assert_allclose(keras.ops.convert_to_numpy(loss(y, proba)), expected, rtol=1e-5)

    def test_weights_of_rows_and_outputs_by_hand(self):
        proba, y = np.array([[0.2, 0.9], [0.6, 0.3]], dtype="float32"), np.array([[0, 1], [1, 1]])
        weights = np.array([[1.0, 2.0], [3.0, 4.0]], dtype="float32")
        loss = OutputsLoss("binary_crossentropy", reduction="mean_with_sample_weight")
        expected = np.average(-np.log([[0.8, 0.9], [0.6, 0.3]]), weights=weights)
        assert float(loss(y, proba, sample_weight=weights)) == pytest.approx(expected, rel=1e-5)

    @pytest.mark.parametrize(
        "part",
        [
            OutputsSoftmax([2, 3]),
            OutputsLoss(keras.losses.BinaryCrossentropy(label_smoothing=0.1)),
            OutputsLoss("kl_divergence", widths=[2, 3], one_hot=True, reduction="sum"),
            OutputsMetric([keras.metrics.SparseCategoricalAccuracy() for _ in range(2)], [2, 3], name="right"),
        ],
    )
    def test_layer_loss_and_metric_come_back_from_their_configs(self, part):
        twin = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(part), safe_mode=True)
        assert type(twin) is type(part)
        assert str(twin.get_config()) == str(part.get_config())

    @pytest.mark.parametrize("y", [labels_of(table()), columns_of(table())], ids=["labels", "columns"])
    def test_a_compiled_network_comes_back(self, X, y, tmp_path):
        est = classifier(class_weight="balanced").fit(X, y)
        est.model_.save(tmp_path / "network.keras")
        twin = keras.saving.load_model(tmp_path / "network.keras", safe_mode=True)
        rows = est.router_.transform(X)
        assert_allclose(twin.predict(rows, verbose=0), est.model_.predict(rows, verbose=0), rtol=1e-6)

    @pytest.mark.parametrize("y", [labels_of(table()), columns_of(table())], ids=["labels", "columns"])
    def test_a_pickle_predicts_and_learns_the_same(self, X, y):
        est = classifier(warm_start=True, class_weight="balanced").fit(X, y)
        twin = pickle.loads(pickle.dumps(est))
        assert_array_equal(twin.predict(X), est.predict(X))
        assert twin.fit(X, y).history_["loss"] == pytest.approx(est.fit(X, y).history_["loss"], rel=1e-5)

    def test_a_clone_has_the_same_weights_of_labels(self):
        est = classifier(class_weight=[{1: 5}, "balanced"])
        assert clone(est).class_weight == [{1: 5}, "balanced"]
