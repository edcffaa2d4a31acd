"""
Can a search run on several machines?
=====================================

A grid search whose fits Dask hands out to workers, with the scores of one process.

Run: python examples/search_on_a_cluster.py
"""

# %%
# A cluster of two processes stands in for one of many machines; there, give the scheduler's address to ``Client``.
import matplotlib.pyplot as plt
import pandas as pd
from distributed import Client, LocalCluster
from sklearn.model_selection import GridSearchCV

from skmulti import InputRouter, MultiInputClassifier, NumberScaler, TextVectorizer
from skmulti.dask import use_cluster
from skmulti.datasets import make_listings


# %%
# The search is the one that fits on a single machine. ``use_cluster`` hands its fits out, sends the frame once whatever
# the number of candidates, and repeats elsewhere what a worker that dies has begun.
def main():
    """Search on the workers and draw the scores."""
    df, y = make_listings(300, random_state=0, size=(8, 8))
    router = InputRouter(
        [("numbers", NumberScaler(), ["area", "age", "price"]), ("text", TextVectorizer(), "description")]
    )
    clf = MultiInputClassifier(router, epochs=5, early_stopping=False, random_state=0)
    grid = {"merge": ["concatenate", "interaction"], "optimizer__learning_rate": [1e-3, 3e-3]}
    search = GridSearchCV(clf, grid, cv=3, refit=False)
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
        use_cluster(client),
    ):
        search.fit(df, y)
    print(search.best_params_)
    draw(pd.DataFrame(search.cv_results_))


# %%
# A point is a fold. The scores are those of ``n_jobs=1`` to the last bit, so the picture is, too.
def draw(results):
    """Draw the accuracy of each fold."""
    names = [f"{p['merge']}\nrate {p['optimizer__learning_rate']}" for p in results["params"]]
    _, ax = plt.subplots(figsize=(7, 3.4), layout="constrained")
    for fold in range(3):
        ax.plot(results[f"split{fold}_test_score"], names, "o", color="#2f6fb0", alpha=0.6)
    ax.plot(results["mean_test_score"], names, "|", color="black", markersize=18, label="mean of the folds")
    ax.set(xlabel="accuracy of the fold")
    ax.legend()
    plt.show()


# %%
# Worker processes import this script; only the process that was started searches.
if __name__ == "__main__":
    main()
