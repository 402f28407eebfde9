"""seaborn draws the mean of each group as a bar of that height."""

import matplotlib

matplotlib.use("Agg")
import pandas as pd
import seaborn as sns

frame = pd.DataFrame({"kind": ["a", "a", "b"], "n": [1.0, 3.0, 5.0]})
axes = sns.barplot(data=frame, x="kind", y="n")
assert [patch.get_height() for patch in axes.patches] == [2, 5]
axes.figure.savefig("bars.png")
