"""Two hundred files that `load` must refuse: damaged, swapped, bombs, pickles, and configurations that name code.

Run as a program it prints how many were refused: ``python tests/saving/damage.py``.
"""

import hashlib
import io
import json
import os
import pickle
import random
import resource
import struct
import sys
import tempfile
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import numpy as np

from skmulti import SavedFileError, load
from skmulti.saving.archive import write_archive

# More than any of the files needs, and less than a bomb would take.
MOST_MEGABYTES = 8


class Touch:
    """Unpickled, it makes a file."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return open, (self.marker, "w")


def contents(path):
    """Return the members of a saved file by name, and its manifest."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    return members, json.loads(members.pop("manifest.json"))


def sealed(members, manifest, zip_names=()):
    """Return the bytes of a file whose manifest and digests are right, whatever its members hold."""
    file = io.BytesIO()
    write_archive(file, members, manifest)
    data = file.getvalue()
    for old, new in zip_names:
        data = reseal(data.replace(old.encode(), new.encode()))
    return data


def reseal(data):
    """Return bytes of a file with the digest that belongs to them."""
    return data[:-64] + hashlib.sha256(data[:-64]).hexdigest().encode()


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def flips(data, rng, _):
    for i in range(60):
        changed = bytearray(data)
        changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        yield f"flip {i}", bytes(changed)


def truncations(data, rng, _):
    for i, length in enumerate([0, 1, 3, 4, 100, len(data) - 1, len(data) - 64, *rng.sample(range(len(data)), 18)]):
        yield f"truncated {i} at {length}", data[:length]
    for i in range(5):
        yield f"longer {i}", data + bytes(rng.randrange(1, 99))
        yield f"in front {i}", bytes(rng.randrange(1, 99)) + data


def swaps(data, rng, path):
    members, manifest = contents(path)
    names = sorted(members)
    for one, two in [(a, b) for a in names for b in names if a < b]:
        yield f"swapped {one} {two}, relisted", sealed({**members, one: members[two], two: members[one]}, manifest)
        # Sizes and digests as before: only the bytes are others.
        listed = sealed(members, manifest)
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive, zipfile.ZipFile(io.BytesIO(listed)) as right:
            for name in right.namelist():
                archive.writestr(name, right.read({one: two, two: one}.get(name, name)))
            archive.comment = b"0" * 64
        yield f"swapped {one} {two}, as listed", reseal(file.getvalue())
    for name in names:
        yield f"without {name}", sealed({n: content for n, content in members.items() if n != name}, manifest)
        yield f"more than {name}", sealed({**members, f"{name}.more": b"{}"}, manifest)


def entries(data, rng, path):
    """Entries of the table that are not what they should be; all digests are right."""
    manifest = contents(path)[1]
    # An encoder that is not fitted: without the last entry it would be loaded.
    table = [["name", "skmulti.NumberScaler"], ["tuple"], ["list"], ["object", [0], [1], [2], [2]]]
    state = {"table": table, "root": [3], "networks": 0}
    members = {"state.npz": npz()}

    def with_state(**changed):
        return sealed({**members, "state.json": json.dumps({**state, **changed}).encode()}, manifest)

    for name, entry in {
        "unknown tag": ["exec", "1"],
        "private tag": ["_make", "1"],
        "no list": {"tag": "list"},
        "empty": [],
        "forward": ["list", [len(table) + 5]],
        "itself": ["list", [len(table)]],
        "negative": ["list", [-1]],
        "bool": ["list", [True]],
        "array out of range": ["array", 10**9],
        "array before the first": ["array", -1],
        "leaf": ["leaf", 0],
        "network": ["network", 7],
        "huge int": ["int", "0x" + "f" * 10 + "z"],
        "bad base64": ["bytes", "###"],
        "bad float": ["float", "AAAA"],
        "unhashable": ["set", [2]],
        "odd dict": ["dict", "a", 1, "b"],
        "huge dtype": ["dtype", "V" + "9" * 30],
        "objects": ["objects", [0], [1]],
        "zone": ["zone", "dateutil//etc/passwd"],
        "zoneinfo": ["zoneinfo", "../../etc/passwd"],
        "pattern": ["pattern", "(", 32],
        "generator": ["generator", "a"],
        "partial": ["partial", 1, 2, 3],
        "configured": ["configured", 1, 2],
        "member": ["member", "a", "b"],
        "object of nothing": ["object", "a", [0], [0], [0]],
    }.items():
        # A value that the estimator does not use is made, too.
        yield f"entry: {name}", with_state(table=[*table, entry])
    for name in ("builtins.eval", "builtins.exec", "os.system", "subprocess.Popen", "numpy.load", "numpy.fromfile",
                 "keras.utils.get_file", "keras.saving.load_model", "keras.layers.Lambda", "keras.layers.TFSMLayer",
                 "sklearn.datasets.load_files", "sklearn.externals.array_api_compat", "skmulti.load", "skmulti.os",
                 "sklearn.utils._mocking.CheckingClassifier", "keras.callbacks.ModelCheckpoint", "pickle.loads",
                 "keras.src.ops.core.sys", "builtins.__import__"):  # fmt: skip
        yield f"name: {name}", with_state(table=[*table, ["name", name]])
    # Objects that are none of the package's own.
    for name in ("builtins.dict", "numpy.float64", "keras.layers.Dense", "skmulti.Network"):
        more = [["name", name], ["object", [len(table)], [1], [2], [2]]]
        yield f"object: {name}", with_state(table=[*table, *more])
    yield "root is a number", with_state(root=3)
    yield "root is out of range", with_state(root=[10**6])
    yield "networks negative", with_state(networks=-1)
    yield "networks too many", with_state(networks=10**9)
    yield "no table", with_state(table={})
    yield "table is a text", with_state(table="ab")
    yield "nested JSON", sealed({**members, "state.json": b"[" * 200_000 + b"]" * 200_000}, manifest)
    yield "NaN in JSON", sealed({**members, "state.json": b'{"table": [NaN], "root": 1, "networks": 0}'}, manifest)
    yield "no JSON", sealed({**members, "state.json": b"\xff\xfe"}, manifest)
    double = [["tuple", 1, 2], *(["tuple", [i], [i]] for i in range(60))]
    yield "tuples in tuples", with_state(table=[*double, ["dict", [60], 1]], root=[61])


def networks(data, rng, path):
    """Configurations of networks that name code, or ask for much memory."""
    members, manifest = contents(path)
    found = json.loads(members["networks/0.json"])

    def with_layer(change):
        config = json.loads(json.dumps(found["config"]))
        layers = config["layers"]
        layer = next(layer for layer in layers if layer["class_name"] == "Dense" or "layers" in layer["config"])
        while "layers" in layer["config"]:
            layer = layer["config"]["layers"][-1]
        change(layer)
        return sealed({**members, "networks/0.json": json.dumps({**found, "config": config}).encode()}, manifest)

    def renamed(**names):
        return with_layer(lambda layer: layer.update(names))

    yield "Lambda", renamed(class_name="Lambda", module="keras.layers")
    yield "TFSMLayer", renamed(class_name="TFSMLayer", module="keras.layers")
    yield "TorchModuleWrapper", renamed(class_name="TorchModuleWrapper", module="keras.layers")
    yield "os.system", renamed(class_name="system", module="os", registered_name="system")
    yield "get_file", renamed(class_name="function", config="get_file", module="keras.utils")
    yield "load_model", renamed(class_name="function", config="load_model", module="keras.src.saving.saving_api")
    yield (
        "lambda",
        with_layer(lambda layer: layer["config"].update(activation={"class_name": "__lambda__", "config": {}})),
    )
    spec = {
        "class_name": "__typespec__",
        "spec_name": "TensorSpec",
        "module": "os",
        "config": [],
        "registered_name": None,
    }
    yield "typespec", with_layer(lambda layer: layer["config"].update(activation=spec))
    function = {"class_name": "function", "module": "subprocess", "config": "getoutput", "registered_name": "getoutput"}
    yield "function", with_layer(lambda layer: layer["config"].update(activation=function))
    yield "registered", renamed(registered_name="other>Dense")
    yield "ours, but unknown", renamed(registered_name="skmulti>Unknown", module="os", class_name="system")
    lookup = {"class_name": "StringLookup", "module": "keras.layers", "config": {"vocabulary": "/etc/passwd"}}
    yield "vocabulary", renamed(**lookup)
    yield "many units", with_layer(lambda layer: layer["config"].update(units=2_000_000_000))
    yield "no layers", sealed({**members, "networks/0.json": b'{"kind": "network", "config": {}}'}, manifest)
    yield "a list", sealed({**members, "networks/0.json": b"[]"}, manifest)
    yield "fewer weights", sealed({**members, "networks/0.npz": npz(**{"weights/0": np.zeros(3)})}, manifest)


def bombs(data, rng, path):
    members, manifest = contents(path)
    for name in sorted(members):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for other in (*members, "manifest.json"):
                method = zipfile.ZIP_DEFLATED if other == name else zipfile.ZIP_STORED
                plain = json.dumps({**manifest}).encode() if other == "manifest.json" else members[other]
                archive.writestr(other, b"0" * 12_000_000 if other == name else plain, method)
            archive.comment = b"0" * 64
        yield f"bomb in {name}", reseal(file.getvalue())
    for shape in ((10**12,), (2**40, 2**40), (2**62, 4), (-1, 5)):
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": shape})
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("0.npy", header.getvalue() + b"0" * 80)
        yield f"array of shape {shape}", sealed({**members, "state.npz": file.getvalue()}, manifest)
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0.npy", b"0" * 12_000_000)
    yield "bomb in npz", sealed({**members, "state.npz": inner.getvalue()}, manifest)


def names(data, rng, path):
    members, manifest = contents(path)
    for name in ("../evil", "/etc/evil", "a/../../evil", "C:/evil", "..\\evil", "a//b", "./a", "a\nb", "evil"):
        yield f"member {name!r}", sealed({**members, name: b"x"}, manifest)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for name in (*members, "state.json"):
                archive.writestr(name, members[name])
            archive.writestr("manifest.json", json.dumps(manifest))
            archive.comment = b"0" * 64
        yield "a member twice", reseal(file.getvalue())
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in members:
            archive.writestr(name, members[name])
        archive.writestr(link, "/etc/passwd")
        archive.writestr("manifest.json", json.dumps(manifest))
        archive.comment = b"0" * 64
    yield "a link", reseal(file.getvalue())
    # The flag of encryption, in the central directory.
    place = data.rindex(b"PK\x01\x02")
    flag = struct.unpack_from("<H", data, place + 8)[0] | 1
    yield "encrypted", reseal(data[: place + 8] + struct.pack("<H", flag) + data[place + 10 :])
    yield "a newer format", sealed(members, {**manifest, "format_version": 99})
    yield "a format of text", sealed(members, {**manifest, "format_version": "1"})
    yield "a format of another", sealed(members, {**manifest, "format": "other"})


def pickles(data, rng, path):
    members, manifest = contents(path)
    marker = str(Path(path).parent / "ran")
    touch = Touch(marker)
    for protocol in range(6):
        yield f"pickle {protocol}", pickle.dumps(touch, protocol)
    for name in sorted(members):
        yield f"pickle as {name}", sealed({**members, name: pickle.dumps(touch)}, manifest)
    objects = np.array([touch], dtype=object)
    yield "objects in npz", sealed({**members, "state.npz": npz(**{"0": objects})}, manifest)
    yield "objects in weights", sealed({**members, "networks/0.npz": npz(**{"weights/0": objects})}, manifest)
    yield "objects alone", npz(a=objects)
    yield "skops", sealed({**members, "scikit-learn.skops": pickle.dumps(touch)}, manifest)


def foreign(data, rng, path):
    yield "npz", npz(a=np.arange(3))
    yield "npy", npz(a=np.arange(3))[30:]
    yield "hdf5", b"\x89HDF\r\n\x1a\n" + bytes(100)
    yield "gzip", b"\x1f\x8b\x08" + bytes(100)
    yield "text", b"hello"
    for name in ("config.json", "schema.json", "[Content_Types].xml", "other"):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(name, "{}")
        yield f"zip with {name}", file.getvalue()
    yield "empty zip", b"PK\x05\x06" + bytes(18)


KINDS = flips, truncations, swaps, entries, networks, bombs, names, pickles, foreign


def damaged(path, seed=0):
    """Yield (name, bytes) of every file that must be refused, made of a saved classifier at `path`."""
    data, rng = Path(path).read_bytes(), random.Random(seed)
    for kind in KINDS:
        for name, content in kind(data, rng, path):
            yield f"{kind.__name__}: {name}", content


def check_all(path, target):
    """Load every damaged file; return (name, what went wrong) of those not refused in order, and the count."""
    wrong, count = [], 0
    for name, content in damaged(path):
        count += 1
        Path(target).write_bytes(content)
        del content
        tracemalloc.start()
        try:
            load(target)
            wrong.append((name, "was loaded"))
        except SavedFileError as error:
            if len(str(error)) > 1_000:
                wrong.append((name, f"says too much: {len(str(error))}"))
        except Exception as error:
            wrong.append((name, f"{type(error).__name__}: {error}"))
        megabytes = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
        if megabytes > MOST_MEGABYTES:
            wrong.append((name, f"took {megabytes:.0f} MB"))
        if (Path(path).parent / "ran").exists():
            wrong.append((name, "ran code"))
            os.unlink(Path(path).parent / "ran")
    return wrong, count


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))
    from saved_cases import classifier, frame, labels

    from skmulti import save

    with tempfile.TemporaryDirectory() as folder:
        saved = os.path.join(folder, "model.skmulti")
        save(classifier().fit(frame(), labels()), saved)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        wrong, count = check_all(saved, os.path.join(folder, "damaged.skmulti"))
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    for name, what in wrong:
        print(f"{name}: {what}")
    print(f"{count} damaged files, {count - len(wrong)} refused; the process grew by {grown:.0f} MB")
    sys.exit(bool(wrong))
