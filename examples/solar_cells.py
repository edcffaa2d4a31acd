"""
Real photos: which solar cells are defective?
=============================================

Find defective solar cells from a photo and the type of module, beside a network written by hand.

Run: python examples/solar_cells.py (some two minutes; needs the package elpv-dataset, 90 MB: pip install elpv-dataset)

Data: Deitsch et al., "Automatic classification of defective photovoltaic module cells in electroluminescence
images", Solar Energy 185, 2019; https://github.com/zae-bayern/elpv-dataset (CC BY-NC-SA 4.0).
"""

# %%
# 2,624 photos of 300 x 300 grey pixels; a cell counts as defective if the experts' probability is at least 0.5.
import sys
import time

try:
    from elpv_dataset.utils import load_dataset
except ImportError:
    sys.exit("This example needs the photos of the package elpv-dataset: pip install elpv-dataset")

import keras
import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder

from skmulti import CategoryIndexer, ImageBranch, ImageDecoder, InputRouter, MultiInputClassifier

images, probabilities, modules = load_dataset()
df = pd.DataFrame({"photo": list(images), "module": modules})
y = (probabilities >= 0.5).astype(int)
df_train, df_test, y_train, y_test = train_test_split(df, y, test_size=0.2, stratify=y, random_state=0)

# %%
# skmulti: a defect may be anywhere, hence the maximum over the picture beside the average.
start = time.perf_counter()
router = InputRouter(
    [
        ("photo", ImageDecoder(size=(64, 64), channels=1), "photo"),
        ("module", CategoryIndexer(), "module"),
    ]
)
photo = ImageBranch((16, 32, 64, 64), pooling="both", dropout=0.3)
clf = MultiInputClassifier(router, branches={"photo": photo}, epochs=30, early_stopping=False, random_state=0)
clf.set_params(optimizer__learning_rate=2e-3).fit(df_train, y_train)
ours = roc_auc_score(y_test, clf.predict_proba(df_test)[:, 1])
print(f"skmulti         AUC {ours:.3f}  {time.perf_counter() - start:4.0f} s, {clf.n_iter_} epochs, 64 x 64 pixels")


# %%
# By hand: one convolution, Flatten, ten epochs; the same photos, rows and test.
def pixels(frame):
    """Decode photos as above: float array (n_rows, 64, 64, 1) of 0-1."""
    return ImageDecoder(size=(64, 64), channels=1).fit_transform(frame["photo"]) / np.float32(255)


start = time.perf_counter()
keras.utils.set_random_seed(0)
one_hot = OneHotEncoder(sparse_output=False, handle_unknown="ignore").fit(df_train[["module"]])
photo_input, module_input = keras.Input((64, 64, 1)), keras.Input((len(one_hot.get_feature_names_out()),))
photo = keras.layers.Conv2D(32, 3, activation="relu")(photo_input)
photo = keras.layers.Flatten()(keras.layers.MaxPooling2D()(photo))
photo = keras.layers.Dense(64, activation="relu")(photo)
module = keras.layers.Dense(32, activation="relu")(module_input)
output = keras.layers.Dense(1, activation="sigmoid")(keras.layers.concatenate([photo, module]))
by_hand = keras.Model([photo_input, module_input], output)
by_hand.compile("adam", "binary_crossentropy")
by_hand.fit([pixels(df_train), one_hot.transform(df_train[["module"]])], y_train, epochs=10, verbose=0)
probability = by_hand.predict([pixels(df_test), one_hot.transform(df_test[["module"]])], verbose=0)[:, 0]
hand = roc_auc_score(y_test, probability)
print(f"Keras by hand   AUC {hand:.3f}  {time.perf_counter() - start:4.0f} s, 10 epochs, 64 x 64 pixels")

# %%
print(
    f"On one split of {len(y_test)} test photos the difference is {ours - hand:+.3f} (a single AUC has a standard "
    "error of about 0.02).\nSettings were chosen on a part of the training rows; 30 epochs take their time."
)
