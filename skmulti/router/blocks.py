"""The blocks that scikit-learn's HTML diagram of a router, or of an estimator, is drawn from."""

from .._validation import VisualBlock
from .routes import is_word


def router_block(router):
    """Draw the inputs side by side, each with its columns; a fitted router also shows shapes and dtypes."""
    if hasattr(router, "specs_"):
        inputs, owners = [], {}
        for name, spec in router.specs_.items():
            encoder = router.encoders_[name]
            # Inputs that share an encoder hold the same object. It is drawn once, at the first of them.
            owner = owners.setdefault(id(encoder), name)
            shown = encoder if owner == name else in_words(owner)
            inputs.append((f"{name}: {spec.shape} {spec.dtype}", shown, f"{list(spec.columns)}\n{spec.describe()}"))
    # Parameters are checked only in `fit`, and a notebook draws whatever the user passed: wrong entries must not fail.
    elif isinstance(router.inputs, list | tuple):
        rest = ("remainder", router.remainder, "columns that no input names")
        entries = router.inputs if is_word(router.remainder, "drop") else [*router.inputs, rest]
        inputs = [_describe_entry(entry) for entry in entries]
    else:
        inputs = [(None, "routed at fit" if router.inputs is None else repr(router.inputs))]
    return draw_block("parallel", inputs, dash_wrapped=True)


def _describe_entry(entry):
    """Return the label, encoder and columns of an entry of `inputs`, or only the repr of what is not an entry."""
    is_entry = isinstance(entry, list | tuple) and len(entry) == 3
    return (f"{entry[0]}", in_words(entry[1]), entry[2]) if is_entry else (None, repr(entry))


def in_words(part):
    """Return an encoder or a branch as it is; the name of the input that it is shared with becomes a phrase."""
    return f"shared with {part}" if isinstance(part, str) and part not in ("drop", "passthrough") else part


def draw_block(kind, parts, *, dash_wrapped=False):
    """Draw parts in one block; each part is a tuple (label or None, part, details that the label unfolds to)."""
    labels, parts, details = [part[0] for part in parts], [part[1] for part in parts], [part[-1] for part in parts]
    # scikit-learn 1.8 leaves an HTML tag open if a label has nothing to unfold, so every label gets some details.
    details = [detail if isinstance(detail, str) and detail else repr(detail) for detail in details]
    return VisualBlock(kind, list(map(_as_block, parts)), names=labels, name_details=details, dash_wrapped=dash_wrapped)


def _as_block(part):
    """Return what scikit-learn can draw: an estimator as it is, anything else as a block with its name or repr."""
    if isinstance(part, VisualBlock) or (hasattr(part, "get_params") and not isinstance(part, type)):
        return part
    # An estimator's class, passed by mistake, has `get_params`, too, but cannot be drawn: it is shown by its repr.
    name = part if isinstance(part, str) else repr(part)
    if callable(part) and not isinstance(part, type):
        name = getattr(part, "__name__", type(part).__name__)
    return VisualBlock("single", part, names=name, name_details=repr(part))
