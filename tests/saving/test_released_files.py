"""Files of every released format are loaded, and predict what they predicted when they were made."""

import json

import numpy as np
import pytest
from make_released_file import FILES, released_rows

from skmulti import load
from skmulti.saving.archive import FORMAT_VERSION


@pytest.mark.parametrize("number", range(1, FORMAT_VERSION + 1))
def test_a_file_of_every_format_predicts_what_it_did(number):
    path = FILES / f"format-{number}.skmulti"
    expected = json.loads(path.with_suffix(".json").read_text())
    assert path.stat().st_size < 100_000
    # Not to the bit: another machine may add in another order.
    np.testing.assert_allclose(load(path).predict_proba(released_rows()), expected, atol=1e-5)
