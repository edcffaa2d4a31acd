"""Each case of the catalogue of bad input says what is wrong, where, and what to do, and leaves its input alone."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from bad_input_cases import CASES, LONGEST, cell, kept, outcome, text_of

PAGE = Path(__file__).parent.parent / "docs/messages.md"
# Words of libraries below and of their traces, except for the classes that scikit-learn names by their modules.
INTERNALS = re.compile(
    r"tensorflow|traceback|graph execution|\{\{node|InvalidArgumentError|keras\.src\.(?!optimizers|callbacks)", re.I
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.subject}: {case.title}")
def test_message(case):
    call, before, found = outcome(case)
    assert [type(one) for one in found] == [case.kind], [repr(one) for one in found]
    message = text_of(found[0])
    assert [word for word in case.words if word not in message] == [], message
    assert len(str(found[0])) <= LONGEST
    assert not INTERNALS.search(message.replace("tf.data", "")), message
    for own, copy in zip(kept(call), before, strict=True):
        assert_same(own, copy)


def assert_same(own, copy):
    """Compare an argument with the copy that was made before the call."""
    if isinstance(copy, pd.DataFrame):
        pd.testing.assert_index_equal(own.columns, copy.columns)
        for position in range(copy.shape[1]):
            assert_same(own.iloc[:, position], copy.iloc[:, position])
    elif isinstance(copy, pd.Series):
        pd.testing.assert_index_equal(own.index, copy.index)
        assert own.dtype == copy.dtype
        assert list(map(shown, own)) == list(map(shown, copy))
    elif isinstance(copy, dict):
        assert list(own) == list(copy)
        for key in copy:
            assert_same(own[key], copy[key])
    elif isinstance(copy, np.ndarray) and copy.dtype != object:
        np.testing.assert_array_equal(own, copy)
    else:
        assert shown(own) == shown(copy)


def shown(value):
    """Return a cell as text, without addresses in memory, which a copy does not share."""
    return re.sub(r"at 0x\w+", "", repr(value))


def test_cases_have_names_of_their_own():
    names = [(case.subject, case.title) for case in CASES]
    assert len(set(names)) == len(names)
    assert len(names) >= 160


def test_page_lists_every_case():
    rows = PAGE.read_text(encoding="utf-8").splitlines()
    missing = [
        case.title
        for case in CASES
        if not any(row.startswith(f"| {cell(case.title)} | `{case.kind.__name__}` |") for row in rows)
    ]
    assert missing == [], "Run: python tests/bad_input_cases.py > docs/messages.md"
