"""IPython runs a cell, keeps its history and rewrites a magic to Python."""

from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
assert shell.run_cell("answer = 6 * 7\nanswer", store_history=True).result == 42
assert shell.user_ns["_1"] == 42
assert shell.transform_cell("%time 1") == "get_ipython().run_line_magic('time', '1')\n"
