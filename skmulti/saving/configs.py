"""What a Keras configuration would make, looked through before Keras sees it.

Keras makes whatever class a configuration names, among them layers that hold code or read files. Here every object in
a configuration must be one that `names` knows, or that the caller trusts.
"""

import contextlib

import keras

from ..errors import SavedFileError, shorten
from .names import find_known

# Values that Keras writes as objects.
VALUES = {"__bytes__", "__ellipsis__", "__keras_tensor__", "__numpy__", "__slice__", "__tensor__", "__tuple__"}
# Arguments that name a file if they are texts.
FILES = "filepath", "idf_weights", "vocabulary"
# Modules in which Keras looks for a function of which only the name is known.
FUNCTION_MODULES = ("keras.activations", "keras.losses", "keras.metrics", "keras.initializers", "keras.ops")


def objects_in(config):
    """Yield the dicts of a configuration that stand for objects, to any depth."""
    waiting = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "class_name" in value:
                yield value
            waiting += value.values()
        elif isinstance(value, list | tuple):
            waiting += value


def needed_name(entry):
    """Return the name that must be trusted before Keras may make an object, or None if it needs no trust.

    Parameters
    ----------
    entry : dict
        Stands for the object, with class_name, module and registered_name.

    Raises
    ------
    SavedFileError
        If the object could not be made without running code or reading a file.
    """
    name, config = entry["class_name"], entry.get("config")
    if name in VALUES:
        return None
    if not isinstance(name, str) or name in ("__lambda__", "Lambda", "__typespec__"):
        raise SavedFileError(f"a network holds a {str(name).strip('_')}, which is code; such a file is not loaded")
    for key in FILES if isinstance(config, dict) else ():
        if isinstance(config.get(key), str):
            raise SavedFileError(f"the layer {name} would read {shorten(config[key])}; such a file is not loaded")
    module, registered = entry.get("module"), entry.get("registered_name")
    is_function = name == "function"
    if is_function:
        name = str(config).rpartition(">")[2]
    if isinstance(registered, str) and registered.startswith("skmulti>"):
        kind = keras.saving.get_registered_object(registered)
        if getattr(kind, "__module__", "").partition(".")[0] == "skmulti":
            return None
    modules = FUNCTION_MODULES if is_function and module == "builtins" else (module,)
    of_keras = [find_known(f"{module}.{name}") for module in modules if _is_of_keras(module)]
    # A registered name comes first with Keras, so only one that says the same may stand beside a name of Keras'.
    says_the_same = registered in (None, name, entry["class_name"])
    # SciKeras registers the classes of models that it copies, Keras' own among them, without a package.
    if registered == f">{name}":
        says_the_same = keras.saving.get_registered_object(registered) in (None, *of_keras)
    if says_the_same and any(known is not None for known in of_keras):
        return None
    full = f"{module}.{name}"
    return full if find_known(full) is None else str(registered)


def _is_of_keras(module):
    return isinstance(module, str) and module.partition(".")[0] == "keras"


@contextlib.contextmanager
def trusted_objects(configs, names):
    """Let Keras find the trusted objects of configurations in a block, and none of the same name instead."""
    found = {}
    for entry in objects_in(configs):
        needed = needed_name(entry)
        if needed is not None:
            key = entry["config"] if entry["class_name"] == "function" else entry.get("registered_name")
            found[key or entry["class_name"]] = names.get(needed)
    with keras.saving.custom_object_scope(found):
        yield
