"""The state of an encoder as other stores can hold it: dicts whose keys are no texts as lists of pairs.

skops keeps a dict as JSON, in which a tuple is no key and False comes back as True.
"""

import operator


class Pairs(list):
    """The keys and values of a dict."""


def with_pairs(value):
    """Return a value in which each dict with other keys than texts is a `Pairs`, also inside lists and tuples."""
    if type(value) is dict and not all(type(key) is str for key in value):
        return Pairs([key, with_pairs(part)] for key, part in value.items())
    return _with_parts(value, with_pairs)


def without_pairs(value):
    """Return a value in which each `Pairs` is a dict again."""
    if type(value) is Pairs:
        return {key: without_pairs(part) for key, part in value}
    return _with_parts(value, without_pairs)


def _with_parts(value, function):
    """Apply a function to the parts of a dict, list or tuple."""
    if type(value) is dict:
        parts = {key: function(part) for key, part in value.items()}
        same = all(parts[key] is value[key] for key in value)
    elif type(value) in (list, tuple):
        parts = type(value)(map(function, value))
        same = all(map(operator.is_, parts, value))
    else:
        return value
    # The object itself, as encoders see by it whether what they have learned in parts is still that of the last fit.
    return value if same else parts
