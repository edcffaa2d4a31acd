"""One zip file of named members: written whole or not at all, and read only as it was written.

No member is compressed, so a file never needs more memory than a small multiple of its size. The zip's comment is the
SHA-256 of all bytes before it, so no byte can change unseen; the manifest has the size and the SHA-256 of each member.
"""

import contextlib
import hashlib
import io
import json
import os
import stat
import struct
import tempfile
import zipfile

import numpy as np

from ..errors import SavedFileError, quote_first, shorten

MANIFEST = "manifest.json"
FORMAT_VERSION = 1
DIGEST_LENGTH = 64
# What zipfile and struct raise for a file that is no whole zip.
BROKEN = (
    zipfile.BadZipFile, struct.error, OSError, EOFError, ValueError, KeyError, IndexError, TypeError, AttributeError,
    OverflowError, NotImplementedError, RuntimeError, RecursionError, MemoryError,
)  # fmt: skip


# --- writing


@contextlib.contextmanager
def whole_file(path):
    """Yield a new binary file beside a path, and move it there if the block ends without an error."""
    # The file that a link leads to is replaced, not the link.
    path = os.path.realpath(path)
    mode = stat.S_IMODE(os.stat(path).st_mode) if os.path.exists(path) else 0o666 & ~_umask()
    number, part = tempfile.mkstemp(
        dir=os.path.dirname(path), prefix=f".{os.path.basename(path)[:80]}.", suffix=".part"
    )
    try:
        with open(number, "w+b") as file:
            yield file
            file.flush()
            os.fsync(number)
        os.chmod(part, mode)
        os.replace(part, path)
    except BaseException:
        # Ctrl-C, too, leaves no half a file.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part)
        raise
    _sync_folder(os.path.dirname(path))


def _umask():
    """Return the process's mask of new files' permissions, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _sync_folder(folder):
    """Make the new name in a folder last beyond a power cut, on systems that know how."""
    if os.name == "posix":
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


class _Hashed:
    """A stream that counts and hashes what is written through it."""

    def __init__(self, stream):
        self.stream, self.size, self.hash = stream, 0, hashlib.sha256()

    def write(self, data):
        data = memoryview(data).cast("B")
        self.hash.update(data)
        self.size += len(data)
        self.stream.write(data)
        return len(data)

    def flush(self):
        self.stream.flush()


def write_archive(file, members, manifest):
    """Write a zip file.

    Parameters
    ----------
    file : binary file
        Empty, can be read and sought.
    members : dict of str to (bytes or dict of str to ndarray)
        Contents by name; arrays become an npz.
    manifest : dict
        What is known of the whole; the members' sizes and digests are added.
    """
    listed = []
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            with archive.open(name, "w", force_zip64=True) as stream:
                hashed = _Hashed(stream)
                if isinstance(content, bytes):
                    hashed.write(content)
                else:
                    _write_arrays(hashed, content)
            listed.append({"name": name, "size": hashed.size, "sha256": hashed.hash.hexdigest()})
        archive.writestr(MANIFEST, json.dumps({**manifest, "members": listed}, indent=1))
        archive.comment = b"0" * DIGEST_LENGTH
    file.seek(0, os.SEEK_END)
    length = file.tell() - DIGEST_LENGTH
    digest = _digest(file, length)
    file.seek(length)
    file.write(digest)


def _write_arrays(stream, arrays):
    """Write arrays as an npz without compression."""
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _digest(file, length):
    """Return the SHA-256, in hexadecimal digits, of the first bytes of a file."""
    file.seek(0)
    found = hashlib.sha256()
    while length:
        block = file.read(min(length, 2**20))
        if not block:
            break
        found.update(block)
        length -= len(block)
    return found.hexdigest().encode("ascii")


# --- reading


class Archive:
    """A file of `write_archive`, opened and checked.

    Parameters
    ----------
    file : binary file
        Opened for reading.
    where : str
        The file's path, for messages.

    Raises
    ------
    SavedFileError
        If the file is not as it was written.
    """

    def __init__(self, file, where):
        self.where = where
        self._size = file.seek(0, os.SEEK_END)
        self._zip = self._open(file)
        self.manifest = self._read_manifest()
        check_entries(self._zip, self._size, self.where)
        self._check_digest(file)
        self._listed = self._check_list()

    def _open(self, file):
        """Return the zip file, or refuse a file that is none."""
        file.seek(0)
        start = file.read(8)
        if start[:4] != b"PK\x03\x04":
            raise SavedFileError(f"{self.where} was not made by skmulti.save: it {_describe(start)}.")
        try:
            return zipfile.ZipFile(file)
        except BROKEN as error:
            raise SavedFileError(
                f"{self.where} is damaged: it begins as a zip file of {self._size:,} bytes, but its end cannot be read "
                f"({shorten(error)}). It was probably truncated while it was copied; copy it again."
            ) from error

    def _read_manifest(self):
        """Return the manifest, or refuse another zip file, and a newer format."""
        names = [entry.filename for entry in self._zip.infolist()]
        if MANIFEST not in names:
            raise SavedFileError(
                f"{self.where} was not made by skmulti.save: it is a zip file without {MANIFEST}, "
                f"{_describe_zip(names)}."
            )
        entry = self._zip.getinfo(MANIFEST)
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size > self._size or entry.flag_bits & 1:
            raise SavedFileError(
                f"{self.where}: {MANIFEST} is compressed, encrypted or too large; save writes it plain."
            )
        found = parse_json(self._read(MANIFEST), f"{self.where}: {MANIFEST}")
        if not isinstance(found, dict) or found.get("format") != "skmulti":
            raise SavedFileError(f"{self.where} was not made by skmulti.save: its {MANIFEST} is of something else.")
        version = found.get("format_version")
        if type(version) is not int or version < 1:
            raise SavedFileError(f"{self.where} is damaged: its format version is {shorten(version)}.")
        if version > FORMAT_VERSION:
            versions = found.get("versions")
            maker = versions.get("skmulti") if isinstance(versions, dict) else None
            raise SavedFileError(
                f"{self.where} was made by a newer skmulti ({shorten(maker)}): its format is {version}, this one "
                f"reads up to {FORMAT_VERSION}. Upgrade skmulti, or save the estimator with the version that you have."
            )
        return found

    def _check_digest(self, file):
        """Refuse a file of which a byte has changed."""
        if self._zip.comment != _digest(file, self._size - DIGEST_LENGTH):
            raise SavedFileError(
                f"{self.where} is damaged: its bytes are not those that were saved (their SHA-256 differs from the one "
                "at the end of the file). Copy it again, or save the estimator again."
            )

    def _check_list(self):
        """Return size and digest of each member, as the manifest lists them, or refuse another set of members."""
        listed = self.manifest.get("members")
        try:
            found = {member["name"]: (member["size"], member["sha256"]) for member in listed}
        except (TypeError, KeyError) as error:
            raise SavedFileError(f"{self.where} is damaged: {MANIFEST} has no list of members.") from error
        there = {entry.filename: entry.file_size for entry in self._zip.infolist() if entry.filename != MANIFEST}
        for names, what in (
            (there.keys() - found, "that its manifest does not list"),
            (found.keys() - there, "missing"),
        ):
            if names:
                raise SavedFileError(
                    f"{self.where} is damaged: members {what}: {quote_first(sorted(map(str, names)), 5)}."
                )
        for name, (size, _) in found.items():
            if size != there[name]:
                raise SavedFileError(
                    f"{self.where} is damaged: {name!r} has {there[name]} bytes, its manifest says {shorten(size)}."
                )
        return found

    def __contains__(self, name):
        return name in self._listed

    def names(self):
        """Return the names of the members."""
        return list(self._listed)

    def read(self, name):
        """Return the bytes of a member, or refuse those that were not saved under that name."""
        if name not in self._listed:
            raise SavedFileError(f"{self.where} is damaged: it has no member {name!r}.")
        data = self._read(name)
        if hashlib.sha256(data).hexdigest() != self._listed[name][1]:
            raise SavedFileError(
                f"{self.where} is damaged: the bytes of {name!r} are not those that were saved (their SHA-256 differs)."
            )
        return data

    def _read(self, name):
        try:
            return self._zip.read(name)
        except BROKEN as error:
            raise SavedFileError(f"{self.where} is damaged: {name!r} cannot be read ({shorten(error)}).") from error

    def read_json(self, name):
        """Return the value of a JSON member."""
        return parse_json(self.read(name), f"{self.where}: {name}")

    def read_arrays(self, name):
        """Return the arrays of an npz member by their names."""
        return read_arrays(self.read(name), f"{self.where}: {name}")


def check_entries(archive, size, where):
    """Refuse members of a zip file that were not written as plain files: links, bombs, paths to elsewhere."""
    seen, total = set(), 0
    for entry in archive.infolist():
        name, total = entry.filename, total + entry.file_size
        parts = name.replace("\\", "/").split("/")
        if not name or name[0] in "/\\" or ":" in parts[0] or {"", ".", ".."} & set(parts) or not name.isprintable():
            what = "has a name that leads out of the file"
        elif name in seen:
            what = "occurs twice"
        elif entry.flag_bits & 1:
            what = "is encrypted"
        elif stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
            what = "is a link or another special file"
        elif entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
            what = f"is compressed, {entry.compress_size:,} bytes for {entry.file_size:,}; save compresses nothing"
        elif total > size:
            what = f"makes {total:,} bytes in all, more than the {size:,} of the file"
        else:
            seen.add(name)
            continue
        raise SavedFileError(f"{where} is not as skmulti.save writes files: the member {shorten(name)!r} {what}.")


def parse_json(data, where):
    """Return the value of JSON, or refuse bytes that are none."""
    try:
        return json.loads(data.decode("ascii"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise SavedFileError(f"{where} is no JSON as skmulti.save writes it ({shorten(error)}).") from error


def _refuse_constant(name):
    raise ValueError(f"{name} is no number of JSON")


def read_arrays(data, where):
    """Return the arrays of an npz by their names, or refuse one whose header promises more than there is."""
    arrays = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            check_entries(archive, len(data), where)
            for entry in archive.infolist():
                name, _, ending = entry.filename.rpartition(".")
                if ending != "npy":
                    raise ValueError(f"{entry.filename!r} is no array")
                arrays[name] = read_array(archive.read(entry))
    except SavedFileError:
        raise
    except BROKEN as error:
        raise SavedFileError(f"{where} holds no arrays as skmulti.save writes them ({shorten(error)}).") from error
    return arrays


def read_array(data):
    """Return the array of npy bytes, whose length its header must say exactly; raise a ValueError for others."""
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"version {version} of npy is not written by save")
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(stream)
    if dtype.hasobject:
        raise ValueError("an array of objects would have to be unpickled")
    count = 1
    for length in shape:
        count *= length
    if min(shape, default=0) < 0 or count * dtype.itemsize != len(data) - stream.tell():
        raise ValueError(f"an array of shape {shape} and {dtype} does not fit into {len(data):,} bytes")
    stream.seek(0)
    return np.lib.format.read_array(stream, allow_pickle=False)


# --- other files

_STARTS = {
    b"\x80": "looks like a pickle, which runs code when it is loaded; skmulti.load reads none",
    b"\x89HDF": "is an HDF5 file; keras.saving.load_model reads those of Keras",
    b"\x1f\x8b": "is compressed by gzip; unpack it first",
    b"PK\x05\x06": "is an empty zip file",
    b"\x93NUMPY": "is an array of NumPy; np.load reads it",
}
_NAMES = {
    "schema.json": "with the schema of skops; skops.io.load reads it",
    "config.json": "which looks like a model of Keras; keras.saving.load_model reads it",
    "[Content_Types].xml": "which looks like a document of Office",
}


def _describe(start):
    """Return what a file seems to be by its first bytes."""
    return next((what for known, what in _STARTS.items() if start.startswith(known)), f"begins with {start!r}")


def _describe_zip(names):
    """Return what a zip file seems to be by the names of its members."""
    known = next((what for name, what in _NAMES.items() if name in names), None)
    if known is None and names and all(name.endswith(".npy") for name in names):
        return "which looks like arrays of NumPy (npz)"
    return known or f"with {quote_first(names, 3)}"
