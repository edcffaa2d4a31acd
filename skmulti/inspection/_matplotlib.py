"""matplotlib is an extra: whoever draws asks for it first."""


def require_matplotlib(caller):
    """Refuse to draw without matplotlib, before anything is computed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f'{caller} draws with matplotlib, which cannot be imported here. Run: pip install "skmulti[plot]"'
        ) from error
