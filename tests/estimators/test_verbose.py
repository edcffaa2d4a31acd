"""What a fit prints: a line a stage and an epoch, why it ended, which fit of a search it is, and a live bar."""

import contextlib
import io
import os
import re
import select
import struct
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV, cross_validate

from skmulti import DenseBranch, DenseHead, InputRouter, MultiInputClassifier, NumberScaler, SlowOnPlateau
from skmulti.datasets import make_listings

ROWS = 40


def make(**params):
    params = {"epochs": 2, "early_stopping": False, "random_state": 0, "batch_size": 8, "verbose": 1} | params
    router = InputRouter([("numbers", NumberScaler(), ["a", "b"])])
    return MultiInputClassifier(
        router, branches={"numbers": DenseBranch(units=(4,))}, head=DenseHead(units=()), **params
    )


@pytest.fixture(scope="module")
def X():
    return pd.DataFrame(np.random.default_rng(0).normal(size=(ROWS, 2)), columns=["a", "b"])


@pytest.fixture(scope="module")
def y(X):
    return np.where(X["a"] + X["b"] > 0, "up", "down")


def printed(function, *args, **kwargs):
    """Return the lines that a call prints."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        function(*args, **kwargs)
    return out.getvalue().splitlines()


def masked(line):
    """Return a line with seconds, rates and figures replaced."""
    line = re.sub(r"\d[\d,]*/s", "N/s", line)
    line = re.sub(r"(\d+ min )?\d+(\.\d+)? m?s\b", "T", line)
    return re.sub(r"((?:loss|accuracy|rate) )[\d.e+-]+", r"\1F", line)


def epochs(lines):
    """Return the names of the epochs that were told of."""
    return [line.split("  ")[0] for line in lines if line.startswith("epoch")]


def test_a_line_for_each_stage_and_epoch_and_one_for_the_end():
    df, labels = make_listings(60, random_state=0, size=(8, 8))
    est = MultiInputClassifier(epochs=2, random_state=0, batch_size=16, early_stopping=True, verbose=1)
    lines = [masked(line) for line in printed(est.fit, df, labels)]
    figures = "loss F  val_loss F  accuracy F  learning_rate F  val_accuracy F"
    weights = f"{est.model_.count_params():,}"
    assert lines == [
        "decoded photo: 54 images, N/s",
        f"routed 8 columns -> {len(est.router_.specs_)} inputs, 54 rows, T",
        f"built the network, {weights} weights, T",
        "decoded photo: 6 images, N/s",
        "routed the hold-out, 6 rows, T",
        "traced the network, T",
        "training on 54 rows, 6 held out: up to 2 epochs of 4 steps",
        f"epoch 1/2  T  {figures}  at most T left",
        f"epoch 2/2  T  {figures}",
        f"ran all 2 epochs; kept epoch {est.best_epoch_}",
    ]


def test_nothing_is_printed_unless_asked_for(X, y, capfd):
    make(verbose=0).fit(X, y)
    silent = make(verbose=False, epochs=2).fit(X, y)
    assert silent.stop_reason_ == "ran all 2 epochs; kept epoch 2"
    silent.partial_fit(X, y)
    assert silent.stop_reason_ == "ran epoch 3; kept epoch 3"
    assert capfd.readouterr() == ("", "")


def test_true_is_one(X, y):
    assert len(printed(make(verbose=True).fit, X, y)) == len(printed(make(verbose=1).fit, X, y))


class StopAt(keras.callbacks.Callback):
    """Stops after an epoch, counted from 0."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch:
            self.model.stop_training = True


class TestTheEnd:
    def test_all_epochs(self, X, y):
        assert printed(make(epochs=3).fit, X, y)[-1] == "ran all 3 epochs; kept epoch 3"

    def test_patience_that_ran_out(self, X, y):
        # At a rate of nearly zero nothing improves, whatever the seed.
        still = {"optimizer": "sgd", "optimizer__learning_rate": 1e-12, "n_iter_no_change": 2}
        est = make(epochs=9, early_stopping=True, **still)
        line = printed(est.fit, X, y)[-1]
        assert est.n_iter_ < 9
        assert line == est.stop_reason_
        assert line == (
            f"stopped after epoch {est.n_iter_} of 9: the hold-out's loss did not improve for 2 epochs; "
            f"kept epoch {est.best_epoch_}"
        )

    def test_the_users_callback(self, X, y):
        line = printed(make(epochs=5, callbacks=[StopAt(1)]).fit, X, y)[-1]
        assert line == "stopped after epoch 2 of 5: StopAt stopped it; kept epoch 2"

    def test_one_of_several_callbacks_is_named_if_it_says_so(self, X, y):
        early = keras.callbacks.EarlyStopping("loss", min_delta=1, patience=2)
        line = printed(make(epochs=9, callbacks=[keras.callbacks.TerminateOnNaN(), early]).fit, X, y)[-1]
        assert re.fullmatch(r"stopped after epoch \d of 9: EarlyStopping stopped it; kept epoch \d", line)

    def test_a_callback_of_scikit_learn(self, X, y):
        pytest.importorskip("sklearn.callback")
        line = printed(make(epochs=5).set_callbacks(Ender()).fit, X, y)[-1]
        assert line == "stopped after epoch 2 of 5: a callback of scikit-learn stopped it; kept epoch 2"

    def test_a_rate_that_was_lowered_as_often_as_it_may_be(self):
        from skmulti.training.telling import reason_to_stop

        rate = SlowOnPlateau()
        rate.lowered, rate.stopped_epoch = 2, 4
        assert reason_to_stop(rate, "val_loss", [], False) == "the hold-out's loss got worse 3 times"

    def test_a_rate_notes_when_it_stops_a_fit(self):
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(0.0), "mse")
        rate = SlowOnPlateau("loss", times=1)
        model.fit(np.ones((4, 1)), np.zeros((4, 1)), epochs=9, verbose=0, callbacks=[rate])
        assert rate.stopped_epoch == 2  # the first is the best; one lowers the rate, and one stops


class Kill(keras.callbacks.Callback):
    """Interrupts a fit in its second epoch, if the environment says so: nothing that tells two fits apart."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1 and "KILLED_FIT" in os.environ:
            raise KeyboardInterrupt


class Ender:
    """A callback of scikit-learn that ends a fit after two epochs."""

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        return context.task_name == "epoch" and context.task_id == 1


class TestNumbersOfEpochs:
    def test_partial_fit_counts_on_and_has_no_end(self, X, y):
        est = make()
        first = printed(est.partial_fit, X, y, classes=["down", "up"])
        second = printed(est.partial_fit, X, y)
        assert epochs(first) == ["epoch 1"]
        assert epochs(second) == ["epoch 2"]
        assert second[0].startswith("routed 2 columns -> 1 input, 40 rows")
        assert len(second) == 2

    def test_warm_start_counts_on(self, X, y):
        est = make(warm_start=True).fit(X, y)
        lines = printed(est.fit, X, y)
        assert epochs(lines) == ["epoch 3/4", "epoch 4/4"]
        assert lines[-1] == "ran epochs 3 to 4; kept epoch 4"

    def test_a_fit_that_goes_on_begins_where_it_was_killed(self, X, y, tmp_path, monkeypatch):
        est = make(epochs=3, checkpoint=tmp_path, callbacks=[Kill()])
        monkeypatch.setenv("KILLED_FIT", "1")
        with pytest.warns(UserWarning, match="interrupted"):
            assert printed(est.fit, X, y)[-1] == "interrupted after epoch 1 of 3; kept epoch 1"
        monkeypatch.delenv("KILLED_FIT")
        lines = printed(est.fit, X, y)
        assert "going on after epoch 1, from the checkpoint" in lines
        assert epochs(lines) == ["epoch 2/3", "epoch 3/3"]
        assert lines[-1] == "ran all 3 epochs; kept epoch 3"


class TestPlaces:
    def test_a_search_tells_candidate_and_fold(self, X, y):
        search = GridSearchCV(make(epochs=1), {"head__dropout": [0.0, 0.5]}, cv=2)
        lines = printed(search.fit, X, y)
        places = [line.split("]")[0] + "]" for line in lines if "training on" in line]
        folds = [f"[candidate {i}/2, fold {j}/2]" for i in (1, 2) for j in (1, 2)]
        assert places[:4] == folds
        assert all(line.startswith("[") for line in lines if "fold" in line)

    def test_fits_of_a_cross_validation_are_numbered(self, X, y):
        lines = printed(cross_validate, make(epochs=1), X, y, cv=2)
        places = list(dict.fromkeys(re.match(r"\[fit (\d+)\] ", line)[1] for line in lines))
        assert [int(place) - int(places[0]) for place in places] == [0, 1]

    def test_a_fit_that_is_alone_has_no_place(self, X, y):
        assert not any(line.startswith("[") for line in printed(make(epochs=1).fit, X, y))

    @pytest.mark.long
    def test_worker_processes_tell_too(self, tmp_path):
        code = """
            from sklearn.model_selection import GridSearchCV, cross_validate
            GridSearchCV(make(), {"head__dropout": [0.5]}, cv=2, n_jobs=2, refit=False).fit(X, y)
            cross_validate(make(), X, y, cv=2, n_jobs=2)
        """
        lines = run_script(code, tmp_path).splitlines()
        ends = sorted(line for line in lines if "ran the only epoch" in line)
        assert ends[:2] == [f"[candidate 1/1, fold {i}/2] ran the only epoch; kept epoch 1" for i in (1, 2)]
        assert len(ends) == 4
        assert all(re.match(r"\[process \d+, fit \d+\] ran", line) for line in ends[2:])


SCRIPT = """
import sys
import numpy as np, pandas as pd
from skmulti import DenseBranch, DenseHead, InputRouter, MultiInputClassifier, NumberScaler

X = pd.DataFrame(np.random.default_rng(0).normal(size=(43, 2)), columns=["a", "b"])
y = np.where(X["a"] > 0, "up", "down")


def make(**params):
    params = {"epochs": 1, "early_stopping": False, "random_state": 0, "batch_size": 1, "verbose": 1} | params
    router = InputRouter([("numbers", NumberScaler(), ["a", "b"])])
    branches = {"numbers": DenseBranch(units=(4,))}
    return MultiInputClassifier(router, branches=branches, head=DenseHead(units=()), **params)
"""


def run_script(code, folder, terminal=False):
    """Return what a program of its own prints, to a pipe or to a terminal."""
    path = folder / "script.py"
    path.write_text(SCRIPT + textwrap.dedent(code))
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "150"}
    if not terminal:
        done = subprocess.run([sys.executable, path], env=environment, stdout=subprocess.PIPE, text=True, timeout=240)
        assert done.returncode == 0
        return done.stdout
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    # A new terminal has no width, and tqdm draws no wider.
    fcntl = pytest.importorskip("fcntl")
    termios = pytest.importorskip("termios")
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 150, 0, 0))
    with subprocess.Popen([sys.executable, path], env=environment, stdout=theirs, stderr=subprocess.DEVNULL) as process:
        os.close(theirs)
        out = b""
        while select.select([ours], [], [], 240)[0]:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            out += part
    os.close(ours)
    assert process.returncode == 0
    return out.decode()


@pytest.mark.long
def test_the_bar_of_a_terminal_counts_right_with_what_is_installed(tmp_path):
    pytest.importorskip("rich")
    pytest.importorskip("tqdm")
    code = """
        before = set(sys.modules)
        make().fit(X, y)
        print("imported:", sorted({"rich.progress", "tqdm"} & (set(sys.modules) - before)))
        est = make(verbose=2, steps_per_execution=32)
        sys.modules["rich.progress"] = sys.modules["tqdm"] = None
        est.fit(X, y)
        print("== tqdm")
        del sys.modules["tqdm"]
        est.fit(X, y)
        print("== rich")
        del sys.modules["rich.progress"]
        est.fit(X, y)
    """
    plain, tqdm, rich = re.split(r"== \w+", run_script(code, tmp_path, terminal=True))
    assert "imported: []" in plain
    assert "43/43" not in plain
    assert "epoch 1/1  " in plain
    for drawn in (tqdm, rich):
        assert "43/43" in drawn
        assert "64/43" not in drawn
        assert "ran the only epoch; kept epoch 1" in drawn
    # The cursor that rich hides is shown again.
    assert rich.count("\x1b[?25l") == rich.count("\x1b[?25h") > 0


def test_a_pipe_gets_plain_lines_instead_of_a_bar(X, y):
    lines = printed(make(verbose=2, epochs=1).fit, X, y)
    assert [masked(line) for line in lines] == [masked(line) for line in printed(make(epochs=1).fit, X, y)]
    assert not any("\r" in line or "\x1b" in line for line in lines)
