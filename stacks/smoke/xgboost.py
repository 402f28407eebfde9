"""XGBoost learns a step, and predicts the same from the model's file."""

import numpy as np
import xgboost

x = np.arange(20.0).reshape(-1, 1)
y = (x.ravel() >= 10).astype(int)
model = xgboost.XGBClassifier(n_estimators=5, max_depth=2, n_jobs=1).fit(x, y)
assert model.predict(np.array([[2.0], [17.0]])).tolist() == [0, 1]
model.save_model("step.json")
again = xgboost.XGBClassifier()
again.load_model("step.json")
assert (again.predict(x) == y).all()
