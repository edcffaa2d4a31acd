"""The part of a network that training changes, if branches begin with fixed features.

A branch may begin with layers that training does not change (`Branch.features`), such as a pretrained
backbone, or the layers of one below those that are fine-tuned. `TrainingNetwork` shares layers and optimizer with
the whole network but starts behind what is fixed, so this is computed once for each row of a fit, not once in each
epoch.
"""

import math
import os
import time
from dataclasses import replace

import numpy as np

from ..network import Forward, cut, cut_off
from ..router import DecodedStore, array_keys, store_folder
from ..spec import layer_name
from .fingerprint import digest
from .telling import EVERY, featured, featuring, teller
from .tensors import empty_array

# Arrays of a block of rows, whose features are looked up and computed together, take about this many bytes, and the
# block has at most so many rows: whoever waits is told how far it is after a block.
BLOCK_BYTES, BLOCK_ROWS = 2**25, 1_024
# Steps of the rows of one call, with their padding: of each step a network has thousands of values in memory.
CALL_STEPS = 8_192
# The most that arrays between frozen and fine-tuned layers take: 10,000 texts of 128 steps of 384 numbers are less.
CUT_BYTES = 2**31
# To tell which network they are of, all of its weights are read: up to so many rows are predicted as fast without.
NOT_LOOKED_UP = 16


class TrainingNetwork:
    """The layers of a network that come after what is fixed. It is not pickled.

    Parameters
    ----------
    whole : keras.Model
        From `build_network`, not compiled.
    branches : dict of str to Branch or str
        As given to `build_network`.
    n_rows : int
        Number of the rows to train with. What the frozen layers below fine-tuned ones make of them is
        computed once if it takes no more than `CUT_BYTES` for all rows.

    Attributes
    ----------
    model : keras.Model
        Has the layers and weights of `whole`, but takes of some inputs what is fixed instead of the
        array. It is `whole` itself if nothing can be saved: without fixed features, or if
        another layer reads the same array.
    cuts : dict of str to Cut
        Where the layers of these inputs are cut, by input name.
    """

    def __init__(self, whole, branches, n_rows=0):
        layers = {layer.name: layer for layer in whole.layers}
        cuts, self._features = {}, {}
        for name, branch in branches.items():
            owner = branch if isinstance(branch, str) else name
            layer = layers.get(layer_name(owner, "features"))
            # The layer "is_missing" reads the array as well, so the array cannot be replaced.
            if layer is None or layer_name(name, "is_missing") in layers:
                continue
            # A user may have set them to be trained before the fit goes on.
            found = cut(whole.input[name], layer) if n_rows or not layer.trainable_variables else None
            if found is not None and _fits(found, n_rows):
                cuts[name] = found
                keeps = getattr(branches[owner], "keeps_features", False)
                self._features[name] = FixedFeatures(name, found.fixed, keeps)
        self.model, self.cuts = whole, cuts
        if cuts:
            self.model = cut_off(whole, cuts)
            self.model.optimizer = getattr(whole, "optimizer", None)

    def prepare(self, whole, *parts, memory=None):
        """Return the network to train, and its `Rows`: the whole network if the parts cannot be trained alone.

        Features that other fits may have are looked up in `memory`, and kept there.
        """
        # Rows that are read anew in each epoch leave no place where features could wait. A network that the user
        # compiled anew has another optimizer than the one that both share; a pickle has no training network.
        n_rows = count_rows(*parts)
        if self.model is None or not n_rows:
            return whole, parts
        if getattr(self.model, "optimizer", None) is not getattr(whole, "optimizer", None):
            return whole, parts
        # A fit that goes on may have more rows than that for which the network was cut.
        if not all(_fits(part, n_rows) for part in self.cuts.values()):
            return whole, parts
        return self.model, [part and replace(part, arrays=self.arrays(part.arrays, memory)) for part in parts]

    def arrays(self, arrays, memory=None):
        """Replace the array of each input whose layers are cut by what is fixed."""
        found = {}
        for name, features in self._features.items():
            # What is not pooled yet is large, and too much to be kept for other fits.
            found[name] = features.of(arrays[name], memory if self.cuts[name].rest is None else None)
        return {**arrays, **found}

    def __getstate__(self):
        # It would hold the layers a second time; `prepare` then trains the whole network.
        return {"model": None, "cuts": {}, "_features": {}}


def count_rows(*parts):
    """Return the number of rows of some `Rows` that stay in memory; 0 if any are read anew in each epoch."""
    parts = [part for part in parts if part is not None]
    return 0 if any(part.streams for part in parts) else sum(part.n_total for part in parts)


def _fits(part, n_rows):
    """Return whether what is fixed of so many rows may wait in memory: features, or what takes not too much."""
    return part.rest is None or part.row_bytes * n_rows <= CUT_BYTES


class KeptForward:
    """The prediction of a network some of whose fixed features may be kept on disk, by this fit or by others.

    Parameters
    ----------
    forward : Forward
        The prediction of a fitted network.
    branches : dict of str to Branch or str
        Its branches.
    """

    def __init__(self, forward, branches):
        self._whole, self._part = forward, TrainingNetwork(forward.model, branches)
        self._forward = Forward(self._part.model) if self._part.cuts else forward

    def __call__(self, memory, arrays, chunk_rows=None):
        """Predict rows as `Forward` does, with features that are found in `memory`; others are put there."""
        if len(next(iter(arrays.values()))) <= NOT_LOOKED_UP:
            return self._whole(arrays, chunk_rows)
        return self._forward(self._part.arrays(arrays, memory), chunk_rows)


class FixedFeatures:
    """The fixed features of an input, as a function of its array.

    Parameters
    ----------
    name : str
        The input.
    model : keras.Model
        Takes the array by the input's name.
    keeps : bool
        Whether other fits may have the same features, and rows of the same content.
    """

    def __init__(self, name, model, keeps):
        self.name, self.model, self.keeps = name, model, keeps
        # The network may be large: no row is computed twice.
        self._forward = Forward(model, evenly=False)

    def of(self, array, memory=None):
        """Return the features of all rows: ndarray of shape ``(n_rows, *shape)``."""
        if not self.keeps:
            return self._compute(array)
        folder = store_folder(memory, "skmulti_features")
        shape, dtype = self.model.output.shape[1:], self.model.output.dtype
        store = folder and DecodedStore(os.path.join(folder, network_digest(self.model)), shape, dtype)
        return _Lookup(self._compute, store, empty_array((len(array), *shape), dtype)).fill(self.name, array)

    def _compute(self, array):
        if array.ndim != 2 or self.model.inputs[0].shape[1] is not None:
            return self._forward({self.name: array})
        # It reads rows of any number of steps: padding would take as long as words do, and is left out.
        lengths = np.maximum(count_steps(array), 1)
        order, out = np.argsort(lengths, kind="stable"), None
        while len(order):
            # The shortest rows first, so that a call has few of one length, or many.
            rows = order[: max(1, CALL_STEPS // int(lengths[order[-1]]))]
            found = self._forward({self.name: array[rows, : lengths[rows[-1]]]}, len(rows))
            out = np.empty((len(array), *found.shape[1:]), found.dtype) if out is None else out
            out[rows], order = found, order[len(rows) :]
        return out


class _Lookup:
    """Fills an array of features: rows of equal content are computed once, and not at all if a store has them.

    Parameters
    ----------
    compute : callable
        Returns the features of some rows.
    store : DecodedStore or None
        Where features are kept.
    out : ndarray of shape ``(n_rows, *shape)``
        The array to fill.
    """

    def __init__(self, compute, store, out):
        self.compute, self.store, self.out = compute, store, out
        # By key, the first row of the content.
        self.first = {}
        self.n_computed = 0

    def fill(self, name, array):
        """Fill the array with the features of all rows of an input's array, and return it; tell how it goes."""
        n_rows, told = len(array), time.perf_counter()
        row_bytes = math.prod(array.shape[1:]) * np.dtype(array.dtype).itemsize
        size = min(max(1, BLOCK_BYTES // max(1, row_bytes)), BLOCK_ROWS)
        with teller().stage(lambda: featured(name, n_rows, self.n_computed)):
            for begin in range(0, n_rows, size):
                self._fill_block(begin, np.asarray(array[begin : begin + size]))
                if time.perf_counter() - told >= EVERY:
                    told = time.perf_counter()
                    teller().say(featuring(name, min(begin + size, n_rows), n_rows))
        return self.out

    def _fill_block(self, begin, block):
        """Fill the rows from `begin` on with the features of a block."""
        keys = array_keys(block)
        listed = keys.tolist()
        new = [row for row, key in enumerate(listed, begin) if self.first.setdefault(key, row) == row]
        left = self._read(keys, new, begin)
        if left:
            places = np.array(left) - begin
            self.out[left] = self.compute(block[places])
            self.n_computed += len(left)
            if self.store:
                with self.store.writer() as add:
                    add(keys[places], self.out[left])
        first = np.array([self.first[key] for key in listed])
        self.out[begin : begin + len(block)] = self.out[first]

    def _read(self, keys, rows, begin):
        """Read rows from the store, and return those that it does not have."""
        if not self.store or not rows:
            return rows
        places = dict(zip(rows, self.store.find(keys[np.array(rows) - begin]), strict=True))
        kept = {row: place for row, place in places.items() if place is not None}
        gone = self.store.read(list(kept.values()), self.out, list(kept))
        return sorted([*gone, *(row for row in rows if row not in kept)])


def network_digest(model):
    """Return a digest of a network: equal ones compute the same, whatever their layers are called."""
    config = model.get_config()
    # Keras numbers names over the process.
    names = {name: str(number) for number, name in enumerate(dict.fromkeys([config["name"], *_layer_names(config)]))}

    def without_names(part):
        if isinstance(part, dict):
            return {key: without_names(value) for key, value in part.items() if key != "build_config"}
        if isinstance(part, list | tuple):
            return [without_names(value) for value in part]
        return names.get(part, part) if isinstance(part, str) else part

    return digest(without_names(config), model.get_weights())


def _layer_names(config):
    """Yield the names of the layers and operations in a configuration of Keras."""
    if isinstance(config, dict):
        own = config.get("config")
        # The name of a policy is a dtype.
        if isinstance(own, dict) and isinstance(own.get("name"), str) and not config["class_name"].endswith("Policy"):
            yield own["name"]
    for part in config.values() if isinstance(config, dict) else config:
        if isinstance(part, dict | list | tuple):
            yield from _layer_names(part)


def count_steps(ids):
    """Return for rows of ids, of shape (n_rows, length), the number of those before the padding at their end."""
    used = ids[:, ::-1] != 0
    return np.where(used.any(axis=1), ids.shape[1] - used.argmax(axis=1), 0)
