"""What an estimator or router makes of rows; needs nothing else, as another process runs it."""

import numpy as np


def predict(est, X):
    """Return what an estimator or router makes of rows, as a list of arrays."""
    if hasattr(est, "predict"):
        found = est.predict_proba(X) if hasattr(est, "predict_proba") else est.predict(X)
        return [np.asarray(part) for part in (found if isinstance(found, list) else [found])]
    return [np.asarray(array) for _, array in sorted(est.transform(X).items())]
