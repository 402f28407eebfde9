"""datasets filters and maps rows into Arrow, and reads them back from disk."""

import pyarrow
from datasets import Dataset, load_from_disk

rows = Dataset.from_dict({"x": [1, 2, 3]}).filter(lambda row: row["x"] > 1).map(lambda row: {"y": row["x"] ** 2})
assert rows["y"] == [4, 9]
rows.save_to_disk("rows")
table = load_from_disk("rows").with_format("arrow")[:]
assert isinstance(table, pyarrow.Table)
assert table.to_pydict() == {"x": [2, 3], "y": [4, 9]}
