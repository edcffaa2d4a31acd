"""MLflow keeps a fitted estimator in its default format, and logs parameters and the training curve."""

import numpy as np
import pytest
from saved_cases import classifier, frame, labels
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

mlflow = pytest.importorskip("mlflow")
skops = pytest.importorskip("skops.io")
X, Y = frame(), labels()


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'runs.db'}")


def test_the_default_format_keeps_predictions():
    est = classifier().fit(X, Y)
    types = skops.get_untrusted_types(data=skops.dumps(est))
    with mlflow.start_run():
        info = mlflow.sklearn.log_model(est, name="model", skops_trusted_types=types)
    twin = mlflow.sklearn.load_model(info.model_uri)
    np.testing.assert_array_equal(twin.predict_proba(X), est.predict_proba(X))


def test_autolog_logs_parameters_and_each_epoch():
    pytest.importorskip("tensorboard")
    mlflow.sklearn.autolog(log_models=False, log_datasets=False)
    mlflow.tensorflow.autolog(log_models=False, log_datasets=False)
    try:
        with mlflow.start_run() as run:
            make_pipeline(StandardScaler().set_output(transform="pandas"), classifier(epochs=3)).fit(X, Y)
    finally:
        mlflow.sklearn.autolog(disable=True)
        mlflow.tensorflow.autolog(disable=True)
    logged = mlflow.get_run(run.info.run_id).data
    assert logged.params["multiinputclassifier__epochs"] == "3"
    assert len(mlflow.MlflowClient().get_metric_history(run.info.run_id, "loss")) == 3
