"""tqdm counts what passes through it and draws the bar to its end."""

import io

from tqdm import tqdm

drawn = io.StringIO()
assert sum(tqdm([1, 2, 3], file=drawn, ascii=True, ncols=60)) == 6
last = drawn.getvalue().split("\r")[-1]
assert last.startswith("100%|###") and "3/3" in last, last
