"""The state of an encoder as other stores can hold it: dicts whose keys are no texts as lists of pairs.

skops keeps a dict as JSON, in which a tuple is no key and False comes back as True.
"""


class Pairs(list):
    """The keys and values of a dict."""


def with_pairs(value):
    """Return a value in which each dict with other keys than texts is a `Pairs`, also inside lists and tuples."""
    if type(value) is dict:
        parts = {key: with_pairs(part) for key, part in value.items()}
        return parts if all(type(key) is str for key in parts) else Pairs([key, part] for key, part in parts.items())
    return type(value)(map(with_pairs, value)) if type(value) in (list, tuple) else value


def without_pairs(value):
    """Return a value in which each `Pairs` is a dict again."""
    if type(value) is Pairs:
        return {key: without_pairs(part) for key, part in value}
    if type(value) is dict:
        return {key: without_pairs(part) for key, part in value.items()}
    return type(value)(map(without_pairs, value)) if type(value) in (list, tuple) else value
