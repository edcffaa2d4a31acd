"""What an estimator predicts, in a TensorFlow graph: the network's output becomes named outputs."""

import numpy as np
import tensorflow as tf

from .labels import Labels
from .targets import ClassTarget


def output_graph(estimator):
    """Return the graph of a fitted estimator's outputs.

    Parameters
    ----------
    estimator : MultiInputClassifier or MultiInputRegressor
        Fitted.

    Returns
    -------
    ClassOutputs or NumberOutputs
        Called with the network's output, it returns a dict of tensors; ``numbers`` leaves out labels.
        ``describe`` says in data for JSON what they are.
    """
    target = estimator._target
    names = getattr(estimator, "output_names_", None)
    outputs = ClassOutputs if isinstance(target, ClassTarget) else NumberOutputs
    return outputs(target, None if names is None else list(names))


def _output_keys(word, names, count):
    """Return the name of each of several outputs."""
    names = range(count) if names is None or len(names) != count else names
    return [f"{word}_{name}" for name in names]


class NumberOutputs:
    """Predictions in the units of y: ``predictions``, or ``predictions_<name>`` for each of several columns."""

    def __init__(self, target, names):
        self._flat = target.flat
        self._keys = ["predictions"] if target.flat else _output_keys("predictions", names, target.n_outputs)

    def numbers(self, output):
        """Return predictions by name, float64 of shape (n_rows,)."""
        output = tf.cast(output, tf.float64)
        return {key: output[:, i] for i, key in enumerate(self._keys)}

    __call__ = numbers

    def describe(self):
        """Return what each output is."""
        return {key: {"holds": "prediction in the units of y"} for key in self._keys}


class ClassOutputs:
    """Probabilities and labels: ``probabilities`` and ``labels``, with ``_<name>`` for each of several columns."""

    def __init__(self, target, names):
        self._labels: Labels = target.labels
        self._spec = target.spec
        self._several = isinstance(self._spec.n_classes, tuple)
        count = len(self._labels.by_output)
        suffixes = _output_keys("", names, count) if self._several else [""]
        self._suffixes = suffixes
        self._names = names if names is not None and len(names) == count else list(range(count))

    def numbers(self, output):
        """Return probabilities by name, float64 of shape (n_rows, n_classes)."""
        return {
            f"probabilities{suffix}": proba for suffix, proba in zip(self._suffixes, self._split(output), strict=True)
        }

    def __call__(self, output):
        """Return probabilities and labels by name."""
        found = self.numbers(output)
        for i, suffix in enumerate(self._suffixes):
            found[f"labels{suffix}"] = self._decode(found[f"probabilities{suffix}"], i)
        return found

    def _split(self, output):
        """Return the probabilities of each output, as `predict_proba` does."""
        output = tf.cast(output, tf.float64)
        if self._labels.multilabel:
            return [output]
        if self._several:
            parts = tf.split(output, list(self._spec.n_classes), axis=1)
        elif len(self._labels.by_output[0]) == 1:
            return [tf.ones_like(output[:, :1])]
        elif self._spec.activation == "sigmoid":
            return [tf.concat([1 - output, output], axis=1)]
        else:
            parts = [output]
        return [part / tf.reduce_sum(part, axis=1, keepdims=True) for part in parts]

    def _decode(self, proba, position):
        """Return the labels of rows."""
        classes = _plain(self._labels.by_output[position])
        if self._labels.multilabel:
            return tf.gather(tf.constant(classes), tf.cast(proba > 0.5, tf.int32))
        return tf.gather(tf.constant(classes), tf.argmax(proba, axis=1))

    def describe(self):
        """Return what each output is."""
        found = {}
        if self._labels.multilabel:
            found["probabilities"] = {"holds": "probability of each label", "classes": list(map(str, self._names))}
            found["labels"] = {"holds": "1 where a label holds, else 0", "classes": list(map(str, self._names))}
            return found
        for i, suffix in enumerate(self._suffixes):
            classes = _plain(self._labels.by_output[i]).tolist()
            found[f"probabilities{suffix}"] = {"holds": "probability of each class", "classes": classes}
            found[f"labels{suffix}"] = {"holds": "most probable class"}
        return found


def _plain(classes):
    """Return labels in a dtype that TensorFlow has: strings, truth values, or numbers of 64 bits."""
    kind = np.asarray(classes).dtype.kind
    if kind in "iu":
        return np.asarray(classes, dtype="int64")
    return (
        np.asarray(classes, dtype={"b": bool, "f": "float64"}.get(kind, object))
        if kind in "bf"
        else np.array(list(map(str, classes)), dtype=object)
    )
