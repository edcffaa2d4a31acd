"""
How do I learn from recordings in files?
========================================

Recordings in .npy files beside files of metadata, read batch by batch: Conv1D and an embedding, then a grid search.

Run: python examples/sensor_files.py [number of recordings]
"""

# %%
# Files are joined on the number in their names, never on their order in a folder; nothing is run, no pickle is read.
import os
import sys
import tempfile

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import GridSearchCV, train_test_split

from skmulti import (
    CategoryIndexer,
    EmbeddingBranch,
    InputRouter,
    MultiInputClassifier,
    SequenceBranch,
    SequencePadder,
    load_files_frame,
)
from skmulti.datasets import write_sensor_files

n_recordings = int(sys.argv[1]) if len(sys.argv) > 1 else 400
folder = tempfile.TemporaryDirectory()
write_sensor_files(folder.name, n_recordings, random_state=0)
df = load_files_frame("sensor_{id}.npy", "meta_{id}.json", folder=folder.name)
df_train, df_test = train_test_split(df, test_size=0.25, stratify=df["label"], random_state=0)
print(f"{len(df)} recordings, {len(df.attrs['unmatched'])} files without their other half")

# %%
# With lazy=True the frame of paths is all that is in memory; `memory` keeps what was read once for later epochs.
clf = MultiInputClassifier(
    InputRouter([("sensor", SequencePadder(lazy=True), "sensor_path"), ("location", CategoryIndexer(), "location")]),
    branches={
        "sensor": SequenceBranch("conv", units=32, kernel_size=3),
        "location": EmbeddingBranch(embedding_dim=8),
    },
    optimizer__learning_rate=3e-3,
    epochs=20,
    early_stopping=False,
    memory=os.path.join(folder.name, "cache"),
    random_state=0,
).fit(df_train, df_train["label"])
score = clf.score(df_test, df_test["label"])
elsewhere = clf.predict(df_test.iloc[:1].assign(location="garage"))

# %%
# The same frame in a grid search: folds and candidates read the kept rows, not the files.
grid = {"branches__sensor__units": [4, 16]}
six = [*df_test.index[df_test["label"] == 0][:3], *df_test.index[df_test["label"] == 1][:3]]
traces, labels = [np.load(path) for path in df_test.loc[six, "sensor_path"]], df_test.loc[six, "label"]
search = GridSearchCV(clf.set_params(epochs=5), grid, cv=2, refit=False).fit(df_train, df_train["label"])
folder.cleanup()

# %%
print(f"Held-out accuracy: {score:.3f}")
print("The recording alone can give 5/6 and the location alone 2/3: too warm in a cellar is fine in an attic.")
print("A location that training never showed is no error, and its answer a guess:", elsewhere[0])
print("Searched, lazily, too:", search.best_params_, f"{search.best_score_:.2f}")

# %%
# Three recordings of each label, each the mean of its five channels.
fig, ax = plt.subplots(figsize=(8, 3), layout="constrained")
for trace, label in zip(traces, labels, strict=True):
    ax.plot(trace.mean(axis=1), color="#c0392b" if label else "#2f6fb0", alpha=0.7, label=f"label {label}")
handles, names = ax.get_legend_handles_labels()
ax.legend(*zip(*dict(zip(names, zip(handles, names, strict=True), strict=True)).values(), strict=True))
ax.set(xlabel="step", ylabel="degrees above target", title="The level alone does not tell: the place decides, too")
plt.show()
