"""Recordings in .npy files beside the frame, and where they were made: Conv1D and an embedding.

Run: python examples/sensor_files.py
"""

# %% Files are read by their paths in the frame, never by their order in a folder, and never with pickle
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported

import tempfile

from sklearn.model_selection import train_test_split

from skmulti import CategoryIndexer, EmbeddingBranch, InputRouter, MultiInputClassifier, SequenceBranch, SequencePadder
from skmulti.datasets import write_sensor_files

clf = MultiInputClassifier(
    InputRouter([("sensor", SequencePadder(), "sensor_path"), ("location", CategoryIndexer(), "location")]),
    branches={
        "sensor": SequenceBranch("conv", units=32, kernel_size=3),
        "location": EmbeddingBranch(embedding_dim=8),
    },
    optimizer__learning_rate=3e-3,
    epochs=20,
    early_stopping=False,
    random_state=0,
)

# %% The files are needed for fit and predict only; the fitted estimator holds none of them
with tempfile.TemporaryDirectory() as folder:
    df, y = write_sensor_files(folder, 400, random_state=0)
    df_train, df_test, y_train, y_test = train_test_split(df, y, test_size=100, stratify=y, random_state=0)
    clf.fit(df_train, y_train)
    score = clf.score(df_test, y_test)
    elsewhere = clf.predict(df_test.iloc[:1].assign(location="garage"))

# %%
print(f"Held-out accuracy: {score:.3f}")
print("The recording alone can give 5/6 and the location alone 2/3: too warm in a cellar is fine in an attic.")
print("A location that training never showed is no error, and its answer a guess:", elsewhere[0])
