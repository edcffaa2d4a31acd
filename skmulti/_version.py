"""The version of the package, and what a pickle that another version made is told."""

from .errors import OtherVersionWarning, warn

__version__ = "0.1.0"

# Key of the version in an object's state.
KEY = "_skmulti_version"


def stamp(state):
    """Return an object's state with the version that it comes from."""
    return {**state, KEY: __version__}


def check_stamp(state, kind):
    """Return a state without its version, and warn if an object of the class `kind` comes from another one."""
    # As scikit-learn does for its own estimators: an attribute that another version set may mean something else here.
    made_by = state.get(KEY, __version__)
    if made_by != __version__:
        warn(
            f"{kind.__name__} was pickled by skmulti {made_by} and is unpickled by {__version__}. It may fail, or "
            "predict something else. Fit anew, or keep files of skmulti.save, which later versions read.",
            OtherVersionWarning,
        )
    return {name: value for name, value in state.items() if name != KEY}
