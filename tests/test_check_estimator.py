"""scikit-learn's own checks of estimators, on arrays of numbers; and restated for encoders of columns of a kind."""

import warnings

import pytest
from common import check_encoder_columns, check_encoder_unfitted
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_inplace_ensure_writeable,
    check_param_validation,
    check_transformer_get_feature_names_out,
    check_transformer_get_feature_names_out_pandas,
    parametrize_with_checks,
)
from test_common import ENCODED

from skmulti import (
    CalendarEncoder,
    CategoryIndexer,
    DenseBranch,
    DenseHead,
    ImageDecoder,
    InputRouter,
    MissingValuesWarning,
    MultiInputClassifier,
    MultiInputRegressor,
    NumberScaler,
    SequencePadder,
    TextVectorizer,
    VectorStacker,
)
from skmulti.inputs import TransformerEncoder

# The checks' tables have a hundred rows or so: one batch a step, a small network, a rate that gets there in time.
SETTINGS = {
    "branches": {"numbers": DenseBranch(units=(32,))},
    "head": DenseHead(units=()),
    "optimizer__learning_rate": 0.05,
    "batch_size": 200,
    "epochs": 25,
    "early_stopping": False,
    "random_state": 0,
}
# For the default float type, which changes the numbers and not the code, the smallest network is enough.
LINEAR = {**SETTINGS, "branches": {"numbers": DenseBranch(units=())}}

HIERARCHY = "SciKeras' class hierarchy: the mixin stands right of BaseEstimator, and BaseWrapper has `_more_tags`"
AN_OUTPUT_ARRAY = "looks at one output array; a router gives a dict of arrays"
EXPECTED = {"check_mixin_order": HIERARCHY, "check_estimator_tags_renamed": HIERARCHY}
EXPECTED_FLOAT32 = {
    **EXPECTED,
    "check_sample_weight_equivalence_on_dense_data": "asks for 1e-7, which float32 does not hold",
}
EXPECTED_ROUTER = dict.fromkeys(
    [
        "check_sample_weight_equivalence_on_dense_data",
        "check_pipeline_consistency",
        "check_estimators_pickle",
        "check_transformer_data_not_an_array",
        "check_transformer_general",
        "check_methods_sample_order_invariance",
        "check_methods_subset_invariance",
        "check_fit_idempotent",
    ],
    AN_OUTPUT_ARRAY,
)


def expected_failures(estimator):
    if isinstance(estimator, InputRouter):
        return EXPECTED_ROUTER
    if not isinstance(estimator, MultiInputClassifier | MultiInputRegressor):
        return {}
    return EXPECTED if estimator.dtype == "float64" else EXPECTED_FLOAT32


CHECKS = parametrize_with_checks(
    [
        MultiInputClassifier(dtype="float64", **SETTINGS),
        MultiInputRegressor(dtype="float64", **SETTINGS),
        MultiInputClassifier(**LINEAR),
        MultiInputRegressor(**LINEAR),
        InputRouter(),
        NumberScaler(),
        NumberScaler(add_indicator=False, dtype="float64"),
        CategoryIndexer(),
        CategoryIndexer(min_frequency=2, max_categories=5),
        VectorStacker(),
    ],
    expected_failed_checks=expected_failures,
    xfail_strict=True,
)


@pytest.mark.long
@CHECKS
# Rows of one value, which some checks fit, are missing or constant to the default router.
@pytest.mark.filterwarnings("ignore::skmulti.MissingValuesWarning")
def test_check_estimator(estimator, check):
    check(estimator)


def cases():
    """Return (estimator, name of the check, marks) of each case of `test_check_estimator`."""
    for case in CHECKS.args[1]:
        estimator, check = getattr(case, "values", case)
        yield estimator, getattr(check, "func", check).__name__, getattr(case, "marks", ())


def test_an_expected_failure_that_passes_fails_the_suite():
    marks = [mark for _, _, marks in cases() for mark in marks]
    assert marks
    assert all(mark.name == "xfail" and mark.kwargs["strict"] for mark in marks)


def test_exactly_the_expected_failures_are_marked():
    """A name that is no check would hide that nothing is expected to fail any more."""
    found = {}
    for estimator, check, marks in cases():
        known = found.setdefault(repr(estimator), (expected_failures(estimator), set()))[1]
        known.update([check] if marks else [])
    assert [(set(expected), marked) for expected, marked in found.values() if set(expected) != marked] == []


def test_only_the_two_of_the_hierarchy_and_one_of_precision_fail_for_estimators():
    assert (len(EXPECTED), len(EXPECTED_FLOAT32)) == (2, 3)


@pytest.mark.parametrize(
    "estimator",
    [MultiInputClassifier(), MultiInputRegressor(), InputRouter(), NumberScaler(), CategoryIndexer(), VectorStacker()],
)
def test_check_estimator_is_not_switched_off_by_a_tag(estimator):
    tags = get_tags(estimator)
    details = tags.classifier_tags or tags.regressor_tags
    assert [tags.non_deterministic, tags.no_validation, tags._skip_test] == [False] * 3
    assert not getattr(details, "poor_score", False)
    assert tags.input_tags.two_d_array
    assert tags.requires_fit


# --- checks that scikit-learn runs on its own estimators, beside those of `check_estimator`


ENCODERS = [
    NumberScaler(),
    CalendarEncoder(),
    VectorStacker(),
    CategoryIndexer(),
    TextVectorizer(),
    SequencePadder(),
    ImageDecoder(),
]


def expected(*params, reason):
    return pytest.param(*params, marks=pytest.mark.xfail(strict=True, reason=reason))


def run(check, estimator):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MissingValuesWarning)
        check(type(estimator).__name__, estimator)


UNCONSTRAINED = "callbacks and loss have no entry in _parameter_constraints ('no_validation' is one)"


@pytest.mark.parametrize(
    "estimator",
    [
        InputRouter(),
        *ENCODERS,
        expected(MultiInputClassifier(), reason=UNCONSTRAINED),
        expected(MultiInputRegressor(), reason=UNCONSTRAINED),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_check_estimator_refuses_bad_values_of_each_parameter(estimator):
    run(check_param_validation, estimator)


# Router and estimators find columns by name, in any order, as ColumnTransformer does.
@pytest.mark.parametrize("estimator", [NumberScaler(), CategoryIndexer(), SequencePadder()])
def test_check_estimator_wants_the_columns_of_fit(estimator):
    run(check_dataframe_column_names_consistency, estimator)


@pytest.mark.parametrize("estimator", [NumberScaler(), CategoryIndexer(), VectorStacker(), SequencePadder()])
def test_check_estimator_writes_into_no_array_of_the_user(estimator):
    run(check_inplace_ensure_writeable, estimator)


@pytest.mark.parametrize(
    "check", [check_transformer_get_feature_names_out, check_transformer_get_feature_names_out_pandas]
)
def test_check_estimator_names_features(check):
    run(check, NumberScaler())


# --- encoders: the checks that need a table, restated on columns that each can read; see also `test_common`


@pytest.mark.parametrize(
    ("encoder", "columns"),
    # The transformer inside a TransformerEncoder checks the columns.
    [case for case in ENCODED if not isinstance(case[0], TransformerEncoder)],
    ids=lambda value: repr(value) if hasattr(value, "fit") else "",
)
def test_check_encoder_columns(encoder, columns):
    check_encoder_columns(encoder, columns)


@pytest.mark.parametrize(
    ("encoder", "columns"), ENCODED, ids=lambda value: repr(value) if hasattr(value, "fit") else ""
)
def test_check_encoder_unfitted(encoder, columns):
    check_encoder_unfitted(encoder, columns)
