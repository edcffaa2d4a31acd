"""Encoded rows of several parts as those of one."""

import numpy as np

from skmulti.estimators import EncodedPart


def joined(parts):
    """Return the rows of parts, one part behind the other."""
    arrays = {name: np.concatenate([part.arrays[name] for part in parts]) for name in parts[0].arrays}
    weight = None if parts[0].weight is None else np.concatenate([part.weight for part in parts])
    return EncodedPart(arrays, np.concatenate([part.y for part in parts]), weight)
