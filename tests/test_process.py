"""The state of the process: Keras' backend, forks, and the turns that threads take with generators and float type."""

import json
import os
import random
import subprocess
import sys
import threading
from contextlib import nullcontext

import keras
import numpy as np
import pandas as pd
import pytest

from skmulti import MultiInputClassifier
from skmulti._process import isolate, let_others_in

FORKS = """
import multiprocessing, pickle
import numpy as np, pandas as pd
from skmulti import DenseHead, MultiInputClassifier

x = np.random.default_rng(0).normal(size=60)
X, y = pd.DataFrame({"x": x}), (x > 0).astype(int)
parts = {"head": DenseHead(units=()), "epochs": 1, "compile__run_eagerly": True}
make = lambda: MultiInputClassifier(**parts, random_state=0)

def report(name, function, queue):
    try:
        function()
        queue.put((name, "works"))
    except RuntimeError as error:
        queue.put((name, str(error)))

def fork(name, function):
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=report, args=(name, function, queue))
    child.start()
    print(*queue.get(timeout=100), sep="|", flush=True)
    child.join()

fork("before", lambda: make().fit(X, y).predict(X))
clf = make().fit(X, y)
dumped = pickle.dumps(clf)
fork("fit", lambda: make().fit(X, y))
fork("partial_fit", lambda: make().partial_fit(X, y))
fork("predict", lambda: clf.predict(X))
fork("proba", lambda: clf.predict_proba(X[:1]))
fork("score", lambda: clf.score(X, y))
fork("loaded", lambda: pickle.loads(dumped).predict(X))
fork("transform", lambda: clf.router_.transform(X))
fork("parameters", lambda: clf.get_params())
fork("grandchild", lambda: fork("inner", lambda: clf.predict(X)))
clf.predict(X)
print("parent|works")
"""


def run(code, **environment):
    """Run a program in a process of its own."""
    environment = {**os.environ, **environment}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=200)


class TestBackend:
    @pytest.mark.parametrize("name", ["jax", "torch", "numpy", "openvino", "nonsense"])
    @pytest.mark.parametrize("module", ["skmulti", "skmulti.training"])
    def test_another_backend_is_refused_at_import(self, name, module):
        error = run(f"import {module}", KERAS_BACKEND=name).stderr.strip().splitlines()[-1]
        assert error.startswith("ImportError: skmulti needs Keras' TensorFlow backend")
        assert f"KERAS_BACKEND says '{name}'" in error
        assert "KERAS_BACKEND=tensorflow" in error

    def test_so_is_one_of_the_configuration_file(self, tmp_path):
        (tmp_path / "keras.json").write_text(json.dumps({"backend": "torch"}))
        error = run("import skmulti", KERAS_BACKEND="", KERAS_HOME=str(tmp_path)).stderr
        assert f"the file {tmp_path / 'keras.json'} says 'torch'" in error

    @pytest.mark.parametrize("text", ['{"backend": "tensorflow"}', "{}", "no json", "[]"])
    def test_a_file_that_names_no_other_is_accepted(self, tmp_path, text):
        (tmp_path / "keras.json").write_text(text)
        code = "import sys; sys.modules['skmulti'] = None; from importlib.machinery import SourceFileLoader as Loader\n"
        path = sys.modules["skmulti"].__path__[0] + "/_backend.py"
        done = run(f"{code}Loader('b', {path!r}).load_module()", KERAS_BACKEND="", KERAS_HOME=str(tmp_path))
        assert done.returncode == 0, done.stderr

    def test_keras_that_was_imported_decides(self):
        fake = "import sys, types; keras = sys.modules['keras'] = types.ModuleType('keras')\n"
        fake += "keras.config = types.SimpleNamespace(backend=lambda: 'jax')\n"
        error = run(f"{fake}import skmulti", KERAS_BACKEND="tensorflow").stderr
        assert "Keras, which is imported already, says 'jax'" in error


@pytest.fixture(scope="module")
def forks():
    """Return what each forked child said."""
    done = run(FORKS)
    assert done.returncode == 0, done.stderr
    return dict(line.split("|", 1) for line in done.stdout.splitlines() if "|" in line)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
class TestForks:
    @pytest.mark.parametrize("name", ["fit", "partial_fit", "predict", "proba", "score", "loaded", "inner"])
    def test_a_child_that_would_hang_raises(self, forks, name):
        assert "TensorFlow was used in the parent process before the fork" in forks[name]
        assert "'spawn' or 'forkserver'" in forks[name]

    @pytest.mark.parametrize("name", ["before", "transform", "parameters", "grandchild", "parent"])
    def test_what_needs_no_threads_of_the_parent_works(self, forks, name):
        assert forks[name] == "works"


def state():
    """Return what a fit must leave as it was."""
    config = keras.config.floatx(), keras.config.image_data_format(), keras.config.dtype_policy().name
    return random.getstate(), tuple(np.random.get_state()[1]), config


class TestTurns:
    def test_threads_draw_what_one_alone_draws(self):
        barrier, drawn = threading.Barrier(4), {}

        def draw(name):
            barrier.wait()
            with isolate(3, "float64"):
                drawn[name] = [(random.random(), np.random.random(), keras.config.floatx()) for _ in range(500)]

        before = state()
        threads = [threading.Thread(target=draw, args=(name,)) for name in range(4)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        generator = random.Random(3)
        assert [value for value, _, _ in drawn[0]] == [generator.random() for _ in range(500)]
        assert {floatx for _, _, floatx in drawn[0]} == {"float64"}
        assert all(drawn[name] == drawn[0] for name in drawn)
        assert state() == before

    def test_a_block_goes_on_where_it_let_others_in(self):
        with isolate(3, "float64"):
            expected = [random.random() for _ in range(2)]
        before = state()
        with isolate(3, "float64"):
            drawn = [random.random()]
            with let_others_in():
                assert state() == before
                outside = random.random()
            drawn.append(random.random())
            assert keras.config.floatx() == "float64"
        assert drawn == expected
        # What was drawn meanwhile counts as drawn.
        random.setstate(before[0])
        assert outside == random.random()
        assert state()[1:] == before[1:]

    def test_threads_that_draw_from_the_generators_change_no_fit(self):
        """As those of Dask's workers do at any time."""
        X = pd.DataFrame({"x": np.random.default_rng(0).normal(size=60)})
        clf, stop = MultiInputClassifier(epochs=1, random_state=0), threading.Event()

        def draw():
            while not stop.is_set():
                random.random()

        alone, thread = clf.fit(X, X["x"] > 0).model_.get_weights(), threading.Thread(target=draw)
        thread.start()
        try:
            beside = clf.fit(X, X["x"] > 0).model_.get_weights()
        finally:
            stop.set()
            thread.join()
        for one, other in zip(alone, beside, strict=True):
            np.testing.assert_array_equal(one, other)

    def test_keras_in_another_thread_draws_from_the_process(self):
        """A network that somebody builds during a fit changes nothing in the fit."""
        seeds = []
        with isolate(3, "float32"):
            expected = keras.random.SeedGenerator().state.numpy()
        with isolate(3, "float32"):
            thread = threading.Thread(target=lambda: seeds.append(keras.random.SeedGenerator().state.numpy()))
            thread.start()
            thread.join()
            drawn = keras.random.SeedGenerator().state.numpy()
        np.testing.assert_array_equal(drawn, expected)
        assert len(seeds) == 1

    def test_others_have_their_turn_meanwhile(self):
        def enter():
            with isolate(0, "float32"):
                pass

        with isolate(3, "float64"), let_others_in():
            thread = threading.Thread(target=enter)
            thread.start()
            thread.join(20)
            assert not thread.is_alive()

    def test_an_inner_block_lets_nobody_in(self):
        with isolate(3, "float64"), isolate(4, "float32"), let_others_in():
            assert keras.config.floatx() == "float32"

    def test_without_a_block_nothing_happens(self):
        before = state()
        with let_others_in():
            assert state() == before

    @pytest.mark.parametrize("inner", [False, True])
    def test_an_error_puts_everything_back(self, inner):
        before = state()
        block = let_others_in() if inner else nullcontext()
        with pytest.raises(KeyError), isolate(3, "float64"), block:
            raise KeyError
        assert state() == before
