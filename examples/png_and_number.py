"""
What does a photo add to numbers?
=================================

PNG bytes beside numbers: photos are decoded, resized and rescaled on the way.

Run: python examples/png_and_number.py
"""

# %%
# Is a flat dearer than the median? Its area and its photo (garden or car park) both have a say.
import matplotlib.pyplot as plt
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skmulti import ImageBranch, ImageDecoder, InputRouter, MultiInputClassifier
from skmulti.datasets import make_prices

df, price = make_prices(800, random_state=0)
df = df[["photo", "area", "age"]]
y = (price > price.median()).map({True: "dear", False: "cheap"})
df_train, df_test, y_train, y_test = train_test_split(df, y, test_size=200, stratify=y, random_state=0)

# %%
# The cells are the bytes of PNG files; pixels stay integers of 0-255 until they are in the network.
router = InputRouter(
    [
        ("photo", ImageDecoder(size=(32, 32)), "photo"),
        ("size", StandardScaler(), ["area", "age"]),
    ]
)
settings = {"epochs": 15, "early_stopping": False, "random_state": 0}
clf = MultiInputClassifier(router, branches={"photo": ImageBranch((16, 32))}, **settings).fit(df_train, y_train)
numbers_alone = MultiInputClassifier(**settings).fit(df_train[["area", "age"]], y_train)

# %%
score, alone = clf.score(df_test, y_test), numbers_alone.score(df_test[["area", "age"]], y_test)
print(f"Held-out accuracy: {score:.3f} (numbers alone: {alone:.3f})")
print("Two classes of equal size; the city and the description, left out here, decide many of the other rows.")

# %%
# Eight test rows with the chance of "dear": above with the photo, below from the numbers alone.
rows = df_test.iloc[:8]
both = clf.predict_proba(rows)[:, list(clf.classes_).index("dear")]
only = numbers_alone.predict_proba(rows[["area", "age"]])[:, list(clf.classes_).index("dear")]
fig, axes = plt.subplots(1, 8, figsize=(12, 2.4), layout="constrained")
for ax, pixels, with_photo, without, truth in zip(
    axes, clf.router_.transform(rows)["photo"], both, only, y_test, strict=False
):
    ax.imshow(pixels)
    ax.set(title=f"{with_photo:.2f}", xlabel=f"{without:.2f}\nis {truth}", xticks=[], yticks=[])
fig.suptitle("How likely is it dear? Above: photo and numbers. Below: numbers alone.")
plt.show()
