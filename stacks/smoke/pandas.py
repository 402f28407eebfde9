"""pandas reads a CSV, groups it and counts days."""

import io

import pandas as pd

frame = pd.read_csv(io.StringIO("day,kind,n\n2024-02-28,a,1\n2024-03-01,b,2\n2024-03-01,a,4\n"), parse_dates=["day"])
assert frame.groupby("kind")["n"].sum().to_dict() == {"a": 5, "b": 2}
assert (frame["day"].max() - frame["day"].min()).days == 2, "2024 is a leap year"
