"""What docs/scale.md says of Ray and Spark; these tests run where the packages are installed."""

import joblib
import numpy as np
import pandas as pd
import pytest
from search_cases import classifier, rows
from sklearn.model_selection import GridSearchCV

from skmulti import save

pytestmark = pytest.mark.long


def test_ray_searches_with_the_scores_of_one_process():
    ray = pytest.importorskip("ray")
    from ray.util.joblib import register_ray

    df, y = rows()
    params = {"cv": 2, "scoring": "neg_log_loss", "refit": False}
    alone = GridSearchCV(classifier(), {"merge": ["concatenate", "gated"]}, **params).fit(df, y)
    environment = {"env_vars": {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}}
    ray.init(num_cpus=2, include_dashboard=False, runtime_env=environment)
    try:
        register_ray()
        with joblib.parallel_config("ray"):
            search = GridSearchCV(classifier(), {"merge": ["concatenate", "gated"]}, **params).fit(df, y)
    finally:
        ray.shutdown()
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])


@pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")
@pytest.mark.filterwarnings("ignore:The copy keyword is deprecated")
def test_spark_predicts_what_the_estimator_predicts(tmp_path):
    sql = pytest.importorskip("pyspark.sql")
    df, y = rows()
    df = df[["area", "price", "description"]]
    path = str(tmp_path / "listings.skm")
    fitted = classifier().fit(df, y)
    save(fitted, path)

    def predict(batches):
        from skmulti import load

        estimator = load(path)
        for batch in batches:
            yield batch[["row"]].assign(outcome=estimator.predict(batch))

    spark = sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    try:
        numbered = df.astype({"description": object}).assign(row=range(len(df)))
        table = spark.createDataFrame(numbered).repartition(2)
        found = table.mapInPandas(predict, schema="row long, outcome string").toPandas()
    finally:
        spark.stop()
    found = found.set_index("row")["outcome"].sort_index()
    assert found.index.tolist() == list(range(len(df)))
    np.testing.assert_array_equal(found.to_numpy(), fitted.predict(df))
