"""
Can an input be of a kind that skmulti does not have?
=====================================================

Recordings become log-mel spectrograms, which a convolution reads, beside numbers.

Run: python examples/audio_kind.py

The page docs/extending/kind.md explains it line by line. Copy this file, and change what your cells are.
"""

# %%
# What a recording is: the wav format from the standard library, a spectrogram with NumPy.
import base64
import copy
import io
import os
import wave

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import tensorflow as tf
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import check_is_fitted

from skmulti import ArraySpec, Branch, ColumnTensor, EncoderGraph, InputEncoder, InputRouter, MultiInputClassifier
from skmulti.inputs import check_frame, file_of, one_column, settle_odd

WINDOW, HOP, SILENCE = 256, 128, 1e-6


def read_wav(cell, folder=None):
    """Return sampling rate and samples of -1 to 1 of a wav file, given by its path or its content."""
    source = io.BytesIO(cell) if isinstance(cell, bytes) else file_of(cell, folder)
    with wave.open(source, "rb") as file:
        if file.getsampwidth() != 2:
            raise ValueError("not a wav file of 16 bits")
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
        return file.getframerate(), samples.reshape(-1, file.getnchannels()).mean(axis=1) / 32768


def mel_filters(n_bands, rate):
    """Return triangles that sum the frequencies of a window to bands, each as wide as the ear hears it."""
    top = 2595 * np.log10(1 + rate / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, n_bands + 2) / 2595) - 1)
    lower, middle, upper = edges[:-2], edges[1:-1], edges[2:]
    frequencies = np.fft.rfftfreq(WINDOW, 1 / rate)[:, None]
    rising, falling = (frequencies - lower) / (middle - lower), (upper - frequencies) / (upper - middle)
    return np.maximum(np.minimum(rising, falling), 0)


def log_mel(samples, rate, n_bands, n_frames):
    """Return the spectrogram of a recording: array of shape (n_frames, n_bands), filled up with silence."""
    needed = WINDOW + HOP * (n_frames - 1)
    samples = np.pad(samples[:needed], (0, max(needed - len(samples), 0)))
    frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP] * np.hanning(WINDOW)
    power = np.abs(np.fft.rfft(frames)) ** 2
    return np.log(power @ mel_filters(n_bands, rate) + SILENCE)


# %%
# The branch: what the network does with such an array.
class AudioBranch(Branch):
    """Read spectrograms with convolutions over time, and take the average and the maximum over all frames."""

    reads = ("audio",)
    reads_masks = False  # convolutions read every frame
    _parameter_constraints = {"filters": [tuple, list], "kernel_size": [int]}

    def __init__(self, filters=(32, 32), *, kernel_size=5):
        self.filters = filters
        self.kernel_size = kernel_size

    def connect(self, tensor, spec, sample):
        """Return a tensor of shape (batch, width) for one of shape (batch, frames, bands)."""
        if sample is not None:
            some = np.asarray(sample[:1000])
            tensor = keras.layers.Normalization(mean=some.mean((0, 1)), variance=some.var((0, 1)) + 1e-6)(tensor)
        for filters in self.filters:
            tensor = keras.layers.Conv1D(filters, self.kernel_size, padding="same", activation="relu")(tensor)
        average, highest = keras.layers.GlobalAveragePooling1D(), keras.layers.GlobalMaxPooling1D()
        return keras.layers.Concatenate()([average(tensor), highest(tensor)])


# %%
# The encoder: what becomes of the cells of a column.
class AudioEncoder(InputEncoder):
    """Turn wav files, as paths or bytes, into log-mel spectrograms of one length."""

    default_branch = AudioBranch
    flags_missing = True  # an array of silence does not say that there is no recording
    reads_missing = True  # with on_odd="missing", broken recordings are missing, too: only reading them tells
    measured_rows = 100  # `compare` reads so many training rows again
    _parameter_constraints = {
        "n_bands": [int],
        "seconds": [float, int, None],
        "folder": [str, os.PathLike, None],
        "lazy": [bool, str],
        "on_odd": [str],
    }

    def __init__(self, *, n_bands=20, seconds=None, folder=None, lazy="auto", on_odd="raise"):
        self.n_bands = n_bands
        self.seconds = seconds
        self.folder = folder
        self.lazy = lazy
        self.on_odd = on_odd

    @classmethod
    def suits(cls, column):
        """Return why this encoder would take a column that nobody assigned, or None."""
        known = column.dropna()
        if len(known) and all(isinstance(cell, bytes) and cell[8:12] == b"WAVE" for cell in known[:100]):
            return "wav files"
        if len(known) and all(isinstance(cell, str) and cell.endswith(".wav") for cell in known[:100]):
            return "paths of wav files"
        return None

    def fit(self, columns, y=None):
        """Learn the sampling rate and the longest recording."""
        self.end_parts()
        self.partial_fit(columns, y)
        self.end_parts()
        return self

    def partial_fit(self, columns, y=None):
        """Learn from the next rows of a table that is read in parts."""
        self._validate_params()
        first = not hasattr(self, "_partial")
        _, recordings = self._read(columns, reset=first)
        rates, longest = ({}, 0) if first else self._partial
        for rate, samples in filter(None, recordings):
            rates[rate] = rates.get(rate, 0) + 1
            longest = max(longest, len(samples) / rate)
        self._keep(rates, longest)
        return self

    def merge(self, other):
        """Join what two copies of the encoder learned from different parts; neither is changed."""
        merged = copy.copy(self)
        (rates, longest), (others, other_longest) = self._partial, other._partial
        both = {rate: rates.get(rate, 0) + others.get(rate, 0) for rate in {**rates, **others}}
        merged._keep(both, max(longest, other_longest))
        return merged

    def _keep(self, rates, longest):
        """Set what is learned, and keep the counts that further parts need."""
        self.rate_ = max(rates, key=rates.get, default=16_000)
        self.n_frames_ = 1 + max(round((self.seconds or longest) * self.rate_) - WINDOW, 0) // HOP
        self._partial = rates, longest

    def transform(self, columns):
        """Return spectrograms: ndarray of shape (n_rows, n_frames_, n_bands), float32; silence where missing."""
        return self.encode_and_flag(columns)[0]

    def encode_and_flag(self, columns):
        """Return spectrograms, and which rows hold none."""
        check_is_fitted(self)
        column, recordings = self._read(columns, reset=False)
        other = np.array([found is not None and found[0] != self.rate_ for found in recordings], dtype=bool)
        advice = {"other": f"Resample them to {self.rate_} Hz."}
        settle_odd(self, column, other, f"sampled at {self.rate_} Hz, as most recordings of fit", advice)
        missing = other | np.array([found is None for found in recordings], dtype=bool)
        array = np.full((len(column), self.n_frames_, self.n_bands), np.log(SILENCE), dtype="float32")
        for row in np.flatnonzero(~missing):
            array[row] = log_mel(recordings[row][1], self.rate_, self.n_bands, self.n_frames_)
        return array, missing

    def missing(self, columns):
        """Return which rows hold no recording."""
        return self.encode_and_flag(columns)[1]

    def spec(self, name):
        """Describe the array."""
        return ArraySpec(name, "audio", (self.n_frames_, self.n_bands), "float32")

    def _read(self, columns, *, reset):
        """Return the only column, and (rate, samples) of each recording, None where there is none."""
        column = one_column(check_frame(self, columns, reset=reset, dtype=None), self)
        recordings, odd = [None] * len(column), np.zeros(len(column), dtype=bool)
        for row in np.flatnonzero(column.notna()):
            try:
                recordings[row] = read_wav(column.iloc[row], self.folder)
            except (OSError, EOFError, TypeError, ValueError, wave.Error):
                odd[row] = True
        advice = {"other": "Give existing wav files of 16 bits, as paths or bytes, or None."}
        return settle_odd(self, column, odd, "wav files that can be read", advice), recordings

    def measure(self, columns, encode=None, *, training=False):
        """Measure level and length of each recording, which `InputRouter.compare` compares."""
        _, recordings = self._read(columns, reset=False)
        levels = [np.nan if found is None else np.log10(np.std(found[1]) + 1e-5) for found in recordings]
        seconds = [np.nan if found is None else len(found[1]) / found[0] for found in recordings]
        return [{"level": np.array(levels), "seconds": np.array(seconds)}]

    def json_schema(self, column):
        """Describe a cell in JSON: the content of a file in base64."""
        return {"type": "string", "contentEncoding": "base64", "examples": ["UklGRi4AAABXQVZF..."]}

    def read_json(self, value):
        """Return the content of a wav file. Paths are refused: a client must not read the server's files."""
        content = base64.b64decode(value, validate=True)
        try:
            read_wav(content)
        except (EOFError, wave.Error) as error:
            raise ValueError(f"not a wav file ({error}). Give its content in base64.") from error
        return content

    def graph(self):
        """Return the same steps as part of a TensorFlow graph, for `skmulti.export`."""
        check_is_fitted(self)
        return AudioGraph(mel_filters(self.n_bands, self.rate_), self.n_frames_)


# %%
# The same steps once more, with TensorFlow's functions, for models that go to a server without skmulti.
class AudioGraph(EncoderGraph):
    """Turn the content of wav files into spectrograms, as `AudioEncoder` does."""

    def __init__(self, filters, n_frames):
        super().__init__([ColumnTensor("string", "the content of a wav file of 16 bits")])
        self._filters, self._n_frames = tf.constant(filters, tf.float32), n_frames

    def encode(self, contents):
        """Return spectrograms of shape (n_rows, n_frames, n_bands)."""
        samples = tf.map_fn(self._read, contents, fn_output_signature=tf.TensorSpec([None], tf.float32))
        windows = tf.signal.frame(samples, WINDOW, HOP) * tf.constant(np.hanning(WINDOW), tf.float32)
        power = tf.abs(tf.signal.rfft(windows)) ** 2
        return tf.math.log(power @ self._filters + SILENCE)

    def _read(self, content):
        """Return the samples of one file, as many as the frames need."""
        needed = WINDOW + HOP * (self._n_frames - 1)
        is_there = ~self.columns[0].is_missing(content[None])[0]
        samples = tf.cond(is_there, lambda: tf.audio.decode_wav(content).audio, lambda: tf.zeros([0, 1]))
        samples = tf.reduce_mean(samples, axis=1)[:needed]
        return tf.pad(samples, [[0, needed - tf.shape(samples)[0]]])


# %%
# Machines that speed up, slow down or run evenly; which of these is too much depends on their load.
def make_recordings(n, random_state):
    """Return a frame with a column of wav files and one of loads, and the labels."""
    rng = np.random.default_rng(random_state)
    trend, load = rng.integers(-1, 2, n), rng.normal(50, 10, n)
    clips = []
    for slope in trend * rng.uniform(600, 1200, n):
        seconds = rng.uniform(0.4, 0.6)
        time = np.arange(int(8000 * seconds)) / 8000
        sound = 0.3 * np.sin(2 * np.pi * (rng.uniform(1200, 2400) + slope * (time - seconds)) * time)
        samples = (sound + rng.normal(0, 0.05, len(time))).clip(-1, 1)
        buffer = io.BytesIO()
        with wave.open(buffer, "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes((samples * 32767).astype("<i2").tobytes())
        clips.append(buffer.getvalue())
    y = np.where(trend + (load - 50) / 10 > 0, "stop", "go on")
    return pd.DataFrame({"clip": clips, "load": load}), y


# %%
# From here on it is an input like any other. Without the guard, an import of this file would train.
if __name__ == "__main__":
    df, y = make_recordings(600, random_state=0)
    df_train, df_test, y_train, y_test = train_test_split(df, y, test_size=200, random_state=0)
    for columns in (["clip"], ["load"], ["clip", "load"]):
        own = {name: AudioEncoder() for name in columns if AudioEncoder.suits(df[name])}
        clf = MultiInputClassifier(InputRouter(kinds=own), epochs=25, early_stopping=False, random_state=0)
        score = clf.fit(df_train[columns], y_train).score(df_test[columns], y_test)
        print(f"{' and '.join(columns)}: {score:.3f}")
    print(clf.router_.plan_.to_string())
    print("The clip alone can give 0.73 and the load 0.77; together they can give 1, since that is how y is made.")
    print(f"Held-out accuracy: {score:.3f}")

    # What the convolution reads: time from left to right, pitch from below to above.
    fig, axes = plt.subplots(1, 3, figsize=(8, 2.6), sharey=True, layout="constrained")
    for ax, picture, label in zip(axes, AudioEncoder().fit_transform(df["clip"][:3]), y, strict=False):
        ax.imshow(picture[..., 0].T if picture.ndim == 3 else picture.T, origin="lower", aspect="auto")
        ax.set(title=label, xlabel="frame")
    axes[0].set_ylabel("mel band")
    plt.show()
