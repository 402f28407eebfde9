"""tabulate aligns a small table at the decimal point, as plain text and as Markdown."""

from tabulate import tabulate

rows = [["spam", 41.9999], ["eggs", 451]]
assert tabulate(rows, tablefmt="plain") == "spam   41.9999\neggs  451"
assert tabulate([["x", 1]], headers=["a", "b"], tablefmt="pipe").splitlines() == [
    "| a   |   b |",
    "|:----|----:|",
    "| x   |   1 |",
]
