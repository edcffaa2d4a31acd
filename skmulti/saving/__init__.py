"""Keep and ship a fitted estimator."""

from .export import export

__all__ = ["export"]
