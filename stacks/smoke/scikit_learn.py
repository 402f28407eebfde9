"""scikit-learn fits a line exactly and separates two clusters."""

import numpy as np
from sklearn.cluster import KMeans
from sklearn.linear_model import LinearRegression

x = np.arange(5.0).reshape(-1, 1)
line = LinearRegression().fit(x, 2 * x.ravel() + 1)
assert np.allclose([line.coef_[0], line.intercept_], [2, 1])
labels = KMeans(n_clusters=2, n_init=1, random_state=0).fit_predict([[0.0], [0.1], [9.0], [9.1]])
assert labels[0] == labels[1] != labels[2] == labels[3]
