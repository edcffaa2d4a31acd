"""Text to ids: `TextVectorizer` beside one compiled `TextVectorization`, with equal ids, in texts a second.

    python tests/benchmarks/text_ids.py [N_ROWS]

The texts are made: 2 to 115 words each, drawn by Zipf's law from 30,000 words, with capitals and punctuation, all
different. Keras' layer runs as a fast user of it runs it: adapted, wrapped in one `tf.function` for any number of rows,
fed blocks of 16,384. Both get one thread; the processor's seconds are counted, so that other programs do not matter.
Each line gives medians of three repeats, in turns; the ratio is Keras' seconds by skmulti's. The ids and the vocabulary
must be equal, or the script fails.
"""

import statistics
import sys
import time
from functools import partial

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from skmulti import TextVectorizer

N_ROWS = 470_000
N_WORDS = 30_000
MAX_TOKENS = 20_000
LENGTH = 100
BLOCK = 16_384
REPEATS = 3

# What follows a word, as often as it stands here.
ENDS = np.array([""] * 11 + [",", ",", ".", ".", " -", "!", "..."], dtype=object)
LETTERS = np.array(list("etaoinshrdlcumwfgypbvk"))


def make_texts(n_rows, seed=0):
    """Draw texts as people write them about things they bought."""
    rng = np.random.default_rng(seed)
    usual = np.linspace(12, 1, len(LETTERS))
    # Rare words are longer.
    lengths = np.clip(rng.normal(2 + 0.6 * np.log1p(np.arange(N_WORDS)), 1.5), 1, 14).astype(int)
    words = np.array(
        ["".join(rng.choice(LETTERS, length, p=usual / usual.sum())) for length in lengths],
        dtype=object,
    )
    share = np.cumsum(1 / (np.arange(N_WORDS) + 2.7))
    counts = np.clip(rng.gamma(4, 15, n_rows), 2, 115).astype(int)
    texts = []
    for count in counts.tolist():
        drawn = np.searchsorted(share, rng.random(count) * share[-1])
        texts.append(" ".join((words[drawn] + ENDS[rng.integers(0, len(ENDS), count)]).tolist()).capitalize())
    return texts


def compiled(layer):
    """Return a function from texts to ids: the layer in one graph, for any number of rows."""
    graph = tf.function(layer, input_signature=[tf.TensorSpec((None,), tf.string)])

    def ids(texts):
        cells = texts.to_numpy(dtype=object)
        return np.concatenate([graph(tf.constant(cells[i : i + BLOCK])).numpy() for i in range(0, len(cells), BLOCK)])

    return ids


def seconds(function, argument):
    """Measure the processor's seconds of a call."""
    start = time.process_time()
    result = function(argument)
    return time.process_time() - start, result


def compare(title, texts, theirs, ours, check):
    """Run two functions in turns on the same texts, and print texts a second and the ratio."""
    times = []
    for _ in range(REPEATS):
        (keras_seconds, expected), (own_seconds, result) = seconds(theirs, texts), seconds(ours, texts)
        check(expected, result)
        times.append((keras_seconds, own_seconds))
    theirs, ours = map(statistics.median, zip(*times, strict=True))
    title = f"{title}, {len(texts):,} texts, {texts.dtype}"
    print(f"{title:48s} {len(texts) / theirs:11,.0f} {len(texts) / ours:11,.0f} {theirs / ours:7.2f}", flush=True)


def same_ids(expected, ids):
    """Check ids."""
    np.testing.assert_array_equal(ids, expected)


def same_vocabulary(layer, vectorizer):
    """Check what was learned."""
    assert vectorizer.vocabulary_ == [str(word) for word in layer.get_vocabulary()]


def adapted(texts, **options):
    """Return Keras' layer with the vocabulary of texts."""
    layer = keras.layers.TextVectorization(output_sequence_length=LENGTH, **options)
    layer.adapt(tf.data.Dataset.from_tensor_slices(texts.to_numpy(dtype=object)).batch(BLOCK))
    return layer


def main():
    """Print the table."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    texts = pd.Series(make_texts(int(sys.argv[1]) if len(sys.argv) > 1 else N_ROWS), dtype=object, name="review")
    few = texts.iloc[: len(texts) // 10]
    print(f"{'texts a second':48s} {'Keras':>11s} {'skmulti':>11s} {'ratio':>7s}")
    for ngrams, what in ((None, "words"), (2, "words and pairs")):
        options = {"max_tokens": MAX_TOKENS, "ngrams": ngrams}
        vectorizer = TextVectorizer(length=LENGTH, **options)
        compare(f"vocabulary of {what}", few, partial(adapted, **options), vectorizer.fit, same_vocabulary)
        layer = compiled(adapted(few, **options))
        layer(few)
        for column in (texts, texts.astype("string[pyarrow]")):
            compare(f"ids of {what}", column, layer, vectorizer.transform, same_ids)


if __name__ == "__main__":
    main()
