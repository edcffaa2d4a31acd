"""What a fit draws from and what it leaves behind, on a table of every kind; each script runs in a new process.

`test_training.TestProcess` holds for a network of numbers what a fit draws under an int, a
generator and None, after other fits and seeds, and that it leaves TensorFlow's op determinism
and global seed alone. `test_architecture` holds what an import may do to the environment,
seeds and devices.
"""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.long

ESTIMATORS = """
import hashlib, random, warnings
import keras, numpy as np, tensorflow as tf
from skmulti import DenseHead, ImageBranch, InputRouter, MultiInputClassifier, MultiInputRegressor, TextBranch
from skmulti.datasets import make_listings

warnings.simplefilter("ignore")
# More rows than `ImageDecoder` decodes in one thread.
X, y = make_listings(70, 0, size=(8, 8))
X.loc[3, ["description", "photo"]] = None
PHOTOS = X[["city", "photo"]]

def classifier(**params):
    settings = {"epochs": 2, "batch_size": 32, "input_dropout": 0.2, "compile__run_eagerly": True, "random_state": 0}
    branches = {"photo": ImageBranch(filters=(2,), augment=True)}
    parts = {"branches": branches, "head": DenseHead(units=())}
    return MultiInputClassifier(InputRouter(n_jobs=2), **{**parts, **settings, **params})

def regressor(**params):
    settings = {"epochs": 2, "early_stopping": True, "validation_fraction": 0.2, "random_state": 0}
    branches = {"photo": ImageBranch(filters=(2,))}
    return MultiInputRegressor(**{"branches": branches, "head": DenseHead(units=()), **settings, **params})
"""

DIGESTS = """
def digest(est, rows):
    weights = b"".join(weight.tobytes() for weight in est.model_.get_weights())
    predicted = est.predict_proba(rows) if hasattr(est, "predict_proba") else est.predict(rows)
    return hashlib.sha256(weights + predicted.tobytes()).hexdigest()

branches = {"description": TextBranch(dropout=0.3), "photo": ImageBranch(filters=(2,), augment=True)}
rows = X[["area", "age", "city"]]
found["digests"] = [
    digest(classifier(branches=branches).fit(X, y), X),
    digest(regressor(branches={}, merge="attention").fit(rows, X["price"]), rows),
]
"""

# The user's own seeds, names that Keras has given already, and a fit of other rows.
BEFORE = """
random.seed(1); np.random.seed(2); keras.utils.set_random_seed(3); tf.random.set_seed(4)
keras.layers.Dense(1), keras.layers.Conv2D(1, 1), keras.layers.Embedding(1, 1)
keras.random.normal((3,)), tf.random.normal((3,))
classifier(random_state=1).fit(PHOTOS[:40], y[:40])
"""

STATE = """
import contextlib, decimal, gc, io, json, locale, logging, os, pickle, random, signal, sys, tempfile, threading, time
import warnings
import joblib, keras, numpy as np, pandas as pd, PIL.Image, PIL.ImageFile, scipy, sklearn, tensorflow as tf

def loggers():
    known = {"": logging.getLogger(), **logging.root.manager.loggerDict}
    found = {
        name: (logger.level, logger.disabled, logger.propagate, list(logger.handlers), list(logger.filters))
        for name, logger in known.items() if isinstance(logger, logging.Logger)
    }
    # A module that is imported later may make a logger, but not set one up.
    return {name: setting for name, setting in found.items() if setting != (0, False, True, [], [])}

def descriptors():
    links = []
    for number in os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []:
        with contextlib.suppress(OSError):
            links.append(os.readlink(f"/proc/self/fd/{number}"))
    return sorted(links)

def state():
    gc.collect()
    folders = [os.getcwd(), tempfile.gettempdir()]
    return {
        "random states": (random.getstate(), repr(np.random.get_state())),
        "error handling of numpy": (np.geterr(), np.geterrcall(), repr(np.get_printoptions())),
        "environment": dict(os.environ),
        "warnings": (list(warnings.filters), warnings.showwarning),
        "logging": (loggers(), logging.root.manager.disable, tf.get_logger().level),
        "configuration of scikit-learn": sklearn.get_config(),
        "options of pandas": pd.describe_option("", _print_desc=False),
        "folders": (folders, list(sys.path)),
        "files": [sorted(os.listdir(folder)) for folder in folders],
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "file descriptors": descriptors(),
        "signal handlers": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "interpreter": (
            gc.isenabled(), gc.get_threshold(), list(gc.callbacks), sys.getrecursionlimit(), sys.getswitchinterval(),
            sys.excepthook, sys.displayhook, sys.stdout, sys.stderr, sys.gettrace(), sys.getprofile(),
            locale.setlocale(locale.LC_ALL), repr(decimal.getcontext()),
        ),
        "pillow": (PIL.Image.MAX_IMAGE_PIXELS, PIL.ImageFile.LOAD_TRUNCATED_IMAGES),
        "keras": (
            keras.config.floatx(), keras.config.epsilon(), keras.config.image_data_format(), keras.config.backend(),
            keras.config.dtype_policy(), keras.config.is_traceback_filtering_enabled(),
            keras.config.is_interactive_logging_enabled(), keras.config.is_flash_attention_enabled(),
        ),
        "registered classes of keras": sorted(keras.saving.get_custom_objects()),
        "threads of tensorflow": (
            tf.config.threading.get_inter_op_parallelism_threads(),
            tf.config.threading.get_intra_op_parallelism_threads(),
        ),
        "tensorflow": (
            tf.executing_eagerly(), tf.config.functions_run_eagerly(), tf.config.get_soft_device_placement(),
            tf.config.optimizer.get_jit(), tf.config.optimizer.get_experimental_options(),
            tf.config.experimental.tensor_float_32_execution_enabled(),
        ),
    }

def changed(before):
    after = state()
    return [name for name in before if before[name] != after[name]]
"""

IMPORT = """
# Importing SciKeras' own parts, not only those that skmulti needs, would hide what they do.
import scipy.sparse, sklearn.compose, sklearn.pipeline, sklearn.ensemble
# The modules below make threads and caches of their own when they are first used.
pd.DataFrame({"a": ["x", None]}).convert_dtypes()

def attributes():
    spaces = (keras, keras.layers, keras.losses, keras.metrics, keras.optimizers, tf, tf.keras, np, pd, sklearn.base)
    classes = {member for space in spaces for member in vars(space).values() if isinstance(member, type)}
    classes = {base for member in classes for base in member.__mro__}
    found = {member: {name: id(value) for name, value in vars(member).items()} for member in [*classes, *spaces]}
    return {(member, name): value for member, values in found.items() for name, value in values.items()}

before, own = state(), attributes()
import skmulti
"""

IMPORTED = """
found = {"import": changed(before)}
found["patched"] = sorted(
    f"{member.__name__}.{name}" for (member, name), value in attributes().items()
    if own.get((member, name)) != value and (member, "__module__") in own and not name.startswith("_abc_")
)
found["registered"] = sorted(set(keras.saving.get_custom_objects()) - set(before["registered classes of keras"]))
"""

FITS = """
class Interrupt(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        random.random(), np.random.rand()
        raise KeyboardInterrupt

def failing():
    with contextlib.suppress(ValueError):
        classifier().fit(PHOTOS.assign(photo=[b"\\x89PNG\\r\\n\\x1a\\n"] * len(X)), y)

def interrupted():
    with contextlib.suppress(KeyboardInterrupt):
        classifier(callbacks=[Interrupt()], dtype="float64").fit(PHOTOS, y)

def native_threads():
    return len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 0

# What TensorFlow and Keras make once in a process: pools of threads, files of generated code.
regressor().fit(PHOTOS, X["price"]).predict(PHOTOS)
fitted = classifier().fit(PHOTOS, y)
packed = pickle.dumps(fitted)
printed = io.StringIO()
counts = []
for name, act in {
    "fit": lambda: classifier().fit(PHOTOS, y),
    "fit of a graph, with early stopping": lambda: regressor().fit(PHOTOS, X["price"]),
    "failing fit": failing,
    "interrupted fit in float64": interrupted,
    "partial_fit": lambda: classifier().partial_fit(PHOTOS, y),
    "predict": lambda: fitted.predict(PHOTOS),
    "pickle": lambda: pickle.loads(packed).predict(PHOTOS),
    "router": lambda: InputRouter(n_jobs=2).fit(X).transform(X),
}.items():
    before = state()
    with contextlib.redirect_stdout(printed):
        act()
    found[name] = changed(before)
    counts.append(native_threads())
found["printed"] = printed.getvalue()
found["native threads"] = counts[-1] - counts[0]
"""

DRAWS = """
generator = tf.random.get_global_generator()
sources = {
    "random": random.random,
    "numpy": np.random.rand,
    "tensorflow": lambda: tf.random.uniform(()),
    "generator of tensorflow": lambda: generator.uniform(()),
    "shuffled datasets": lambda: list(tf.data.Dataset.range(9).shuffle(9).as_numpy_iterator()),
    "keras": lambda: keras.random.uniform(()),
    "initializers of keras": lambda: keras.initializers.GlorotUniform()((3, 2)),
}

def draws(fits):
    keras.utils.set_random_seed(1)
    generator.reset_from_seed(1)
    drawn = [{name: np.asarray(draw()).tolist() for name, draw in sources.items()} for _ in range(2)]
    if fits:
        classifier().fit(PHOTOS, y)
    return drawn + [{name: np.asarray(draw()).tolist() for name, draw in sources.items()} for _ in range(2)]

with_fit, without = draws(True), draws(False)
found["undisturbed"] = [name for name in sources if [d[name] for d in with_fit] == [d[name] for d in without]]
found["drawn twice"] = [name for name in sources if without[0][name] == without[1][name]]
"""

REPORT = """
import json
print("RESULT" + json.dumps(found))
"""
SCRIPTS = {
    "first": (STATE + IMPORT + IMPORTED + ESTIMATORS + DIGESTS + FITS + DRAWS + REPORT, "1"),
    "second": ("found = {}" + ESTIMATORS + BEFORE + DIGESTS + REPORT, "2"),
}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Return what each script found, all run at once, each in an empty folder and with hashes of its own."""
    running = {}
    for name, (script, hash_seed) in SCRIPTS.items():
        folder, temporary = (str(tmp_path_factory.mktemp(kind)) for kind in ("cwd", "tmp"))
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "TMPDIR": temporary}
        running[name] = subprocess.Popen(
            [sys.executable, "-c", script],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
            env=environment,
        )
    results = {}
    for name, process in running.items():
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, f"{name}: {err[-2000:]}"
        results[name] = json.loads(out.rpartition("RESULT")[2])
    return results


def test_an_int_decides_a_fit_whatever_the_process_and_what_was_done_in_it_before(found):
    assert found["second"]["digests"] == found["first"]["digests"]


class TestImport:
    def test_only_classes_are_registered(self, found):
        assert found["first"]["import"] == ["registered classes of keras"]

    def test_registered_classes_have_the_prefix_of_the_package(self, found):
        assert found["first"]["registered"]
        assert all(name.startswith("skmulti>") for name in found["first"]["registered"])

    def test_only_scikeras_changes_classes_of_others(self, found):
        assert found["first"]["patched"] == [
            "Loss.__reduce__",
            "Metric.__reduce__",
            "Model.__deepcopy__",
            "Model.__reduce__",
            "Optimizer.__reduce__",
        ]


class TestFit:
    @pytest.mark.parametrize(
        "act",
        [
            "fit",
            "fit of a graph, with early stopping",
            "failing fit",
            "interrupted fit in float64",
            "partial_fit",
            "predict",
            "pickle",
            "router",
        ],
    )
    def test_nothing_of_the_process_is_changed(self, found, act):
        assert found["first"][act] == []

    @pytest.mark.parametrize(
        "source",
        [
            "random",
            "numpy",
            "tensorflow",
            "generator of tensorflow",
            "shuffled datasets",
            "keras",
            "initializers of keras",
        ],
    )
    def test_random_numbers_of_the_user_go_on_as_without_a_fit(self, found, source):
        assert source in found["first"]["undisturbed"]
        assert source not in found["first"]["drawn twice"]

    def test_nothing_is_printed(self, found):
        assert found["first"]["printed"] == ""

    def test_threads_of_tensorflow_do_not_grow_from_fit_to_fit(self, found):
        assert found["first"]["native threads"] <= 0
