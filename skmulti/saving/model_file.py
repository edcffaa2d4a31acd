"""Estimators in files: `save` and `load`."""

import json
import os
import platform
from dataclasses import asdict, replace

import keras
import numpy as np
import pandas as pd
import sklearn
import tensorflow as tf

from .._process import isolate
from .._version import __version__
from ..errors import SavedFileError, UntrustedTypesError, shorten
from ..network import PackedLayer, PackedNetwork
from .archive import FORMAT_VERSION, Archive, whole_file, write_archive
from .codec import Encoder, refuse
from .configs import trusted_objects
from .decoding import Decoder, check_child, check_table, dicts_in, names_in
from .leaves import dump_leaves, load_leaves, untrusted_leaves
from .names import Names
from .references import check_references, put_back

STATE, ARRAYS, LEAVES, REFERENCES = "state.json", "state.npz", "scikit-learn.skops", "references.json"


def save(est, path, *, optimizer="auto", backbone_weights=True):
    """Save an estimator in one file that can be loaded without running code of the file.

    The file is a zip of JSON and arrays. It holds what a pickle would: parameters, the fitted router, network, labels
    and history, also of an estimator that is not fitted. It is written beside `path` and moved there, so that a full
    disk leaves an older file as it was.

    Parameters
    ----------
    est : MultiInputClassifier, MultiInputRegressor, InputRouter, or estimator of scikit-learn
        The estimator; also an encoder, or a Pipeline or search that holds any of these.
    path : str or path-like
        The file. The folder must exist. The name is free; by custom it ends with ".skmulti".
    optimizer : bool or "auto"
        Whether the state of the optimizer is kept, for Adam twice as large as the weights, so that a later fit goes on
        with it. "auto" keeps it after `partial_fit` and with ``warm_start=True``.
    backbone_weights : bool
        Whether the file holds all weights of pretrained networks. With False it leaves out those that training did not
        change, if `BackboneBranch` has the network by name: the file then has the name, the preset or the path of the
        weights, and a digest. `load` reads the weights from there again.

    Raises
    ------
    TypeError
        If `est` is no estimator, or holds what cannot be stored as data: a lambda, a function inside a function, an
        open file, a lock; or, with ``backbone_weights=False``, a `BackboneBranch` whose weights cannot be read again.
        The message names the parameter, and nothing is written.

    See Also
    --------
    load : Load such a file.

    Notes
    -----
    Classes and functions that are not of skmulti, scikit-learn, Keras or NumPy are stored by their dotted names, with
    their state. `load` finds them again if they are in its `trusted`.

    Examples
    --------
    >>> import os, tempfile
    >>> from skmulti import InputRouter, NumberScaler, load, save
    >>> path = os.path.join(tempfile.mkdtemp(), "router.skmulti")
    >>> save(InputRouter([("numbers", NumberScaler(), ["age"])]), path)
    >>> load(path)
    InputRouter(inputs=[('numbers', NumberScaler(), ['age'])])

    >>> save(InputRouter([("numbers", NumberScaler(), lambda df: ["age"])]), path)
    Traceback (most recent call last):
    ...
    TypeError: `inputs[0][2]` is a lambda, which no file can name. Define it in a module. Nothing was written.
    """
    if isinstance(est, type) or not hasattr(est, "get_params"):
        raise TypeError(f"save takes an estimator, got {shorten(est)} of type {type(est).__name__}.")
    if not (optimizer == "auto" or isinstance(optimizer, bool)):
        raise ValueError(f"`optimizer` must be True, False or 'auto', got {optimizer!r}.")
    if not isinstance(backbone_weights, bool):
        raise ValueError(f"`backbone_weights` must be True or False, got {backbone_weights!r}.")
    path = _check_target(path)
    encoder = Encoder(optimizer, backbone_weights)
    try:
        encoder.saved.root = encoder.encode(est)
    except RecursionError as error:
        raise TypeError("The estimator holds lists or objects nested too deep to be saved.") from error
    members = _members(encoder.saved)
    with whole_file(path) as file:
        write_archive(file, members, _manifest(est, encoder.saved))


def _check_target(path):
    """Return a path as text, or refuse what cannot be written to."""
    path = os.path.abspath(os.fsdecode(os.fspath(path)))
    if os.path.isdir(path):
        raise IsADirectoryError(f"{path!r} is a folder; save writes one file. Give a name in it: .../model.skmulti.")
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"There is no folder {folder!r} to save in. Make it first.")
    return path


def _members(saved):
    """Return the members of a file by name: bytes, or arrays by name."""
    members = {STATE: _as_json({"table": saved.table, "root": saved.root, "networks": len(saved.networks)})}
    members[ARRAYS] = {str(i): array for i, array in enumerate(saved.arrays)}
    for i, network in enumerate(saved.networks):
        kind = "layer" if isinstance(network, PackedLayer) else "network"
        members[f"networks/{i}.json"] = _as_json({"kind": kind, "config": network.config})
        arrays = {f"weights/{k}": array for k, array in enumerate(network.weights)}
        arrays.update({f"random/{k}": array for k, array in enumerate(getattr(network, "random", ()))})
        members[f"networks/{i}.npz"] = arrays
    references = _references(saved)
    if references:
        members[REFERENCES] = _as_json([asdict(reference) for reference in references])
    if saved.leaves:
        try:
            members[LEAVES] = dump_leaves(saved.leaves)
        except (TypeError, ValueError, AttributeError) as error:
            kinds = sorted({type(leaf).__name__ for leaf in saved.leaves})
            refuse(
                "", f"holds parts of scikit-learn ({', '.join(kinds)}) that skops cannot store: {shorten(error)}", error
            )
    return members


def _references(saved):
    """Return the references of all networks, with the networks' positions."""
    listed = [(i, getattr(network, "references", ())) for i, network in enumerate(saved.networks)]
    return [replace(reference, network=i) for i, found in listed for reference in found]


def _as_json(value):
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":")).encode("ascii")
    except (TypeError, ValueError) as error:
        refuse("", f"holds a network whose configuration is no plain data ({shorten(error)})", error)


def _manifest(est, saved):
    """Return what a reader of a file may want to know; `load` reads format and version only."""
    versions = {"skmulti": __version__, "python": platform.python_version()}
    versions |= {part.__name__: part.__version__ for part in (sklearn, keras, np, pd)} | {"tensorflow": tf.__version__}
    return {
        "format": "skmulti",
        "format_version": FORMAT_VERSION,
        "versions": versions,
        "class": type(est).__name__,
        "needs": sorted(
            {name for name in names_in(saved.table, _configs(saved.networks)) if not Names().allow(name)}
            | _sources(_references(saved))
        ),
        "parameters": {str(name): shorten(repr(value), 200) for name, value in est.get_params().items()},
        "routers": [
            {
                "specs": {str(name): spec.describe() for name, spec in router.specs_.items()},
                "plan": router.plan_.astype(str).to_dict("records"),
            }
            for router in saved.routers
        ],
    }


def _configs(networks):
    return [network.config for network in networks]


def _sources(references):
    """Return the files and presets that are read for references, other than what Keras itself downloads."""
    return {reference.source for reference in references} - {None}


def load(path, *, trusted=()):
    """Load an estimator that `save` has stored.

    No code of the file is run. Its classes are looked up among those of skmulti, scikit-learn, Keras and NumPy; other
    classes and functions are used only if they are in `trusted`, and so are presets and files of weights, if the file
    was saved with ``backbone_weights=False``. Whoever made the file still decides what the estimator predicts, and with
    what settings a later fit runs.

    Parameters
    ----------
    path : str or path-like
        The file.
    trusted : sequence of (class, function, str or path-like)
        What the file may use beyond these: your own encoders, branches, layers, metrics and functions, as objects or by
        their dotted names; presets and files of weights of pretrained networks by name and path, as `BackboneBranch`
        has them. The error of a load without it lists all that the file needs.

    Returns
    -------
    object
        The estimator, with the same predictions.

    Raises
    ------
    UntrustedTypesError
        If the file needs classes, functions, presets or files of weights that are not in `trusted`.
    SavedFileError
        If the file is damaged, was made by something else, or by a newer skmulti; or if weights that it leaves out
        (``backbone_weights=False``) are no longer where they were, or have changed.
    FileNotFoundError
        If there is no such file.

    See Also
    --------
    save : Make such a file.

    Examples
    --------
    >>> import os, tempfile
    >>> import pandas as pd
    >>> from skmulti import InputRouter, NumberScaler, load, save
    >>> path = os.path.join(tempfile.mkdtemp(), "router.skmulti")
    >>> save(InputRouter([("numbers", NumberScaler(), ["age"])]).fit(pd.DataFrame({"age": [1.0, 3.0]})), path)
    >>> load(path).transform(pd.DataFrame({"age": [2.0, 3.0]}))["numbers"].tolist()
    [[0.0], [1.0]]

    >>> with open(path, "ab") as file:
    ...     _ = file.write(b"more")
    >>> load(path)
    Traceback (most recent call last):
    ...
    skmulti.errors.SavedFileError: ... is damaged: ...
    """
    names = Names(trusted)
    path = _check_source(path)
    where = shorten(path, 160)
    with open(path, "rb") as file:
        archive = Archive(file, where)
        state = archive.read_json(STATE)
        table, root, networks = _check_state(state, archive, where)
        references = archive.read_json(REFERENCES) if REFERENCES in archive else []
        references = check_references(references, len(networks), f"{where}: {REFERENCES}")
        leaves = archive.read(LEAVES) if LEAVES in archive else None
        needed = {name for name in names_in(table, _configs(networks)) if not names.allow(name)}
        needed |= {source for source in _sources(references) if not names.mentions(source)}
        of_skops = untrusted_leaves(leaves, f"{where}: {LEAVES}") if leaves is not None else set()
        _check_trust(needed | {name for name in of_skops if not names.mentions(name)}, where)
        parts = load_leaves(leaves, of_skops, where) if leaves is not None else []
        arrays = _in_order(archive.read_arrays(ARRAYS), "", where)
    networks = put_back(networks, references, where)
    decoder = Decoder(table, arrays, networks, parts, names, where)
    # Layers draw their first weights before they get those of the file: the process's generators are put back.
    with isolate(None, keras.config.floatx()), trusted_objects([*dicts_in(table), *_configs(networks)], names):
        est = decoder.decode(root)
    if not hasattr(est, "get_params") or isinstance(est, type):
        raise SavedFileError(f"{where} is damaged: it holds a {type(est).__name__} instead of an estimator.")
    return est


def _check_source(path):
    """Return a path as text, or refuse what is no file."""
    path = os.fsdecode(os.fspath(path))
    if os.path.isdir(path):
        saved_model = os.path.exists(os.path.join(path, "saved_model.pb"))
        hint = "; it looks like a SavedModel, which tf.saved_model.load reads" if saved_model else ""
        raise SavedFileError(f"{path!r} is a folder, and skmulti.save writes one file{hint}.")
    if not os.path.exists(path):
        raise FileNotFoundError(f"There is no file {path!r}.")
    if not os.path.isfile(path):
        raise SavedFileError(f"{path!r} is no plain file.")
    if not os.path.getsize(path):
        raise SavedFileError(f"{path!r} is empty; it was not written by skmulti.save, which never leaves half a file.")
    return path


def _check_state(state, archive, where):
    """Return table, root and networks of a file, or refuse a state that is none."""
    if not isinstance(state, dict) or state.keys() != {"table", "root", "networks"}:
        raise SavedFileError(f"{where} is damaged: {STATE} has no table.")
    table, root, count = state["table"], state["root"], state["networks"]
    check_table(table, where)
    check_child(root, len(table), where)
    if type(count) is not int or not 0 <= count <= len(table):
        raise SavedFileError(f"{where} is damaged: {STATE} counts {shorten(count)} networks.")
    of_networks = [f"networks/{i}.{ending}" for i in range(count) for ending in ("json", "npz")]
    known = {STATE, ARRAYS, LEAVES, REFERENCES, *of_networks}
    unknown = sorted(set(archive.names()) - known)
    if unknown:
        raise SavedFileError(f"{where} is not as skmulti.save writes files: unknown member {shorten(unknown[0])!r}.")
    return table, root, [_read_network(archive, i, where) for i in range(count)]


def _read_network(archive, number, where):
    """Return a network or layer of a file as plain data."""
    found = archive.read_json(f"networks/{number}.json")
    if not isinstance(found, dict) or found.get("kind") not in ("network", "layer"):
        raise SavedFileError(f"{where} is damaged: networks/{number}.json describes no network.")
    config = found.get("config")
    if not isinstance(config, dict):
        raise SavedFileError(f"{where} is damaged: networks/{number}.json has no configuration.")
    arrays = archive.read_arrays(f"networks/{number}.npz")
    weights, random = (_in_order(arrays, f"{part}/", where) for part in ("weights", "random"))
    return PackedLayer(config, weights) if found["kind"] == "layer" else PackedNetwork(config, weights, random)


def _in_order(arrays, prefix, where):
    """Return the arrays whose names are a prefix and 0, 1, ..."""
    count = sum(name.startswith(prefix) for name in arrays)
    try:
        return [arrays[f"{prefix}{i}"] for i in range(count)]
    except KeyError as error:
        raise SavedFileError(f"{where} is damaged: the array {error} is missing.") from error


def _check_trust(missing, where):
    """Raise an error that lists all names that are not trusted."""
    if missing:
        listed = shorten(", ".join(repr(name) for name in sorted(missing)), 300)
        raise UntrustedTypesError(
            f"{where} uses what is not of skmulti, scikit-learn or Keras, so loading it would run other code, or read "
            f"other files. If you know all of it, give load(path, trusted=[{listed}]), or the objects themselves.",
            missing,
        )
