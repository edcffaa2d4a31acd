"""What two workers of Dask bring to a grid search: seconds of 12 candidates against those of one process.

Run: python tests/benchmarks/cluster_search.py [--rows 2000] [--epochs 8] [--repeats 3]

Each worker is a process with one thread of TensorFlow, on a core of its own; the one process has one thread, too.
Prints median seconds of the search alone, without the start of the workers, and whether all scores are equal.
"""

import argparse
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")


def make_search(epochs):
    """Return a search over 12 candidates in three folds."""
    from sklearn.model_selection import GridSearchCV

    from skmulti import InputRouter, MultiInputClassifier, NumberScaler, SequencePadder, TextVectorizer

    router = InputRouter(
        [
            ("numbers", NumberScaler(), ["area", "age", "price"]),
            ("text", TextVectorizer(), "description"),
            ("trace", SequencePadder(), "trace"),
        ]
    )
    clf = MultiInputClassifier(router, epochs=epochs, early_stopping=False, random_state=0)
    grid = {
        "merge": ["concatenate", "interaction"],
        "branches__trace__architecture": ["pool", "conv"],
        "optimizer__learning_rate": [1e-3, 3e-3, 1e-2],
    }
    return GridSearchCV(clf, grid, cv=3, scoring="neg_log_loss", refit=False)


def main():
    """Run both in turn."""
    from distributed import Client, LocalCluster

    from skmulti.dask import use_cluster
    from skmulti.datasets import make_listings

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    df, y = make_listings(args.rows, random_state=0, size=(8, 8))
    seconds, scores = {"n_jobs=1": [], "2 workers": []}, []

    def measure(name):
        start = time.perf_counter()
        search = make_search(args.epochs).fit(df, y)
        seconds[name].append(time.perf_counter() - start)
        scores.append(search.cv_results_["mean_test_score"].tolist())

    cores = sorted(os.sched_getaffinity(0))
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster, Client(cluster) as client:
        for address, core in zip(client.scheduler_info(n_workers=-1)["workers"], cores, strict=False):
            client.run(os.sched_setaffinity, 0, {core}, workers=[address])
        with use_cluster(client):
            make_search(1).fit(df, y)  # both import TensorFlow
        for _ in range(args.repeats):
            with use_cluster(client):
                measure("2 workers")
            measure("n_jobs=1")
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    for name, median in medians.items():
        print(f"{name:10} {median:7.1f} s   " + " ".join(f"{value:.1f}" for value in seconds[name]))
    equal = all(each == scores[0] for each in scores)
    print(f"ratio {medians['n_jobs=1'] / medians['2 workers']:.2f}; all scores equal: {equal}")


if __name__ == "__main__":
    main()
