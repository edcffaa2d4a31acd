"""The state of the process that Keras draws from and reads, for one fit at a time; and forks, which TensorFlow forbids.

Random generators and float type belong to the whole process, so fits in several threads take turns with them.
"""

import gc
import os
import random
import threading
from contextlib import contextmanager
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from keras.src.random import seed_generator
from tensorflow.python.eager import context
from tensorflow.python.ops import control_flow_util

# Held while a fit has seeded the process. Reentrant, since a callback or an encoder of a fit may fit another estimator.
_TURN = threading.RLock()
# What the blocks of this thread have found, outer ones first.
_BLOCKS = threading.local()


@dataclass(frozen=True)
class _State:
    """The random generators, float type, data format and policy of the process."""

    generators: tuple
    source: object
    floatx: str
    data_format: str
    policy: object

    @classmethod
    def read(cls):
        """Return the present state."""
        return cls(
            (random.getstate(), np.random.get_state()),
            seed_generator.python_random,
            keras.config.floatx(),
            keras.config.image_data_format(),
            keras.config.dtype_policy(),
        )

    def put_back(self):
        """Make this the state of the process again."""
        random.setstate(self.generators[0])
        np.random.set_state(self.generators[1])
        seed_generator.python_random = self.source
        keras.config.set_floatx(self.floatx)
        keras.config.set_image_data_format(self.data_format)
        keras.config.set_dtype_policy(self.policy)


class _Graphs:
    """How many threads make a graph, and whether Python collected garbage before the first of them began."""

    def __init__(self):
        self.lock, self.made, self.collects = threading.Lock(), 0, True


_GRAPHS = _Graphs()


class _OwnDraws:
    """The module `random` as Keras sees it during a seeded block: a generator of the block's thread alone."""

    def __init__(self, seed):
        self._thread, self._generator = threading.get_ident(), random.Random(seed)

    def __getattr__(self, name):
        return getattr(self._generator if threading.get_ident() == self._thread else random, name)


@contextmanager
def isolate(seed, dtype):
    """Seed everything that Keras draws from, and set its float type, for the length of a block.

    Keras 3 draws the seed of every initializer and dropout layer from Python's `random`, so a
    seeded generator in its place decides the network. `random` itself is seeded, too, for parts of
    a user, although any thread of the process may draw from it: those of Dask's workers do. No seed
    of TensorFlow is set, and op determinism stays off: both would hold for the rest of the process.
    Random states, float type and policy are put back after the block. With ``seed=None`` nothing is
    seeded. Only one thread is in such a block at a time; the others wait.
    """
    with _TURN:
        blocks = vars(_BLOCKS).setdefault("found", [])
        blocks.append(_State.read())
        try:
            if seed is not None:
                random.seed(seed)
                np.random.seed(seed % 2**32)
                # The one place from which Keras draws; it has no public name.
                seed_generator.python_random = _OwnDraws(seed)
            # Both: weights follow the policy, and what is cast outside of a layer, such as a loss, follows floatx.
            keras.config.set_floatx(dtype)
            keras.config.set_dtype_policy(dtype)
            # Pixels and steps have their channels last, also for a user's branch that does not say so.
            keras.config.set_image_data_format("channels_last")
            yield
        finally:
            blocks.pop().put_back()


@contextmanager
def let_others_in():
    """Let other threads have their turn during a part of an `isolate` block that needs nothing from the process.

    The process has its own state meanwhile, and the block's again afterwards. Inside of two blocks nothing happens,
    as the outer one may need its state.
    """
    blocks = vars(_BLOCKS).get("found", [])
    if len(blocks) != 1:
        yield
        return
    own = _State.read()
    blocks.pop().put_back()
    _TURN.release()
    try:
        yield
    finally:
        _TURN.acquire()
        blocks.append(_State.read())
        own.put_back()


@contextmanager
def uncollected():
    """Let Python collect no garbage, in any thread, while this one makes a graph of TensorFlow's.

    Whoever adds an operation to a graph holds the graph's lock and waits for the interpreter; a collection in another
    thread holds the interpreter and waits for the lock. Both then wait for ever.
    """
    with _GRAPHS.lock:
        if not _GRAPHS.made:
            _GRAPHS.collects = gc.isenabled()
            gc.disable()
        _GRAPHS.made += 1
    try:
        yield
    finally:
        with _GRAPHS.lock:
            _GRAPHS.made -= 1
            if not _GRAPHS.made and _GRAPHS.collects:
                gc.enable()


def is_isolated():
    """Return whether this thread is in an `isolate` block, which other threads wait for."""
    return bool(vars(_BLOCKS).get("found"))


def draw_number():
    """Return a whole number below 2**31, drawn as Keras draws the seeds of its layers."""
    return seed_generator.python_random.randrange(2**31)


def compiles_with_xla():
    """Return whether XLA is to compile the function that is being traced (``jit_compile=True``)."""
    # No public function tells.
    return control_flow_util.GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph())


_fork = {"broke": False}


def refuse_fork():
    """Raise an error in a child process in which TensorFlow would wait for threads that the fork has not copied.

    Raises
    ------
    RuntimeError
        If the process was forked from one that had used TensorFlow.
    """
    if _fork["broke"]:
        raise RuntimeError(
            f"TensorFlow was used in the parent process before the fork, so this child (process {os.getpid()}) would "
            "hang: a fork copies no threads. Start processes with the 'spawn' or 'forkserver' method, as in "
            "multiprocessing.get_context('spawn'), or with joblib, whose loky processes are safe."
        )


def _note_fork():
    """Note in a new child whether the parent had used TensorFlow."""
    # No public function tells without starting TensorFlow. Keras reads the same module.
    _fork["broke"] = _fork["broke"] or getattr(context.context_safe(), "_context_handle", None) is not None


# When a child begins, not when it is used: by then it may have started TensorFlow itself, which is fine.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)
