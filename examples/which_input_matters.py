"""
Which column matters?
=====================

Shuffle one column of the test rows and see how far the score falls, on prices of which we know what makes them.

Run: python examples/which_input_matters.py
"""

# %%
# The price follows from area, age, city, description and photo; heating and trace have no effect.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.inspection import permutation_importance
from sklearn.model_selection import train_test_split

from skmulti import MultiInputRegressor
from skmulti.datasets import make_prices

df, y = make_prices(1200, random_state=0, size=(16, 16))
df_train, df_test, y_train, y_test = train_test_split(df, y, test_size=300, random_state=0)
reg = MultiInputRegressor(epochs=25, random_state=0).fit(df_train, y_train)
print(f"Held-out R2: {reg.score(df_test, y_test):.3f}")

# %%
# scikit-learn's own function takes the estimator and the frame as they are.
result = permutation_importance(reg, df_test, y_test, n_repeats=5, random_state=0)
for i in np.argsort(-result.importances_mean):
    print(f"{df.columns[i]:12} R2 falls by {result.importances_mean[i]:.3f} ± {result.importances_std[i]:.3f}")

# %%
# A box is five shuffles.
order = np.argsort(result.importances_mean)
fig, ax = plt.subplots(figsize=(6.5, 3.4), layout="constrained")
ax.boxplot(result.importances[order].T, orientation="horizontal", tick_labels=df.columns[order])
ax.axvline(0, color="black", linewidth=1)
ax.set(xlabel="by how much R2 falls if the column is shuffled", title="Heating and trace do nothing, by design")
plt.show()

# %%
# A fall says how much *this* network relies on a column. Two columns that say the same could each look useless, as the
# network can still read the other one.
