"""future gives Python 2's division and texts, and turns a Python 2 program into one of Python 3."""

from lib2to3.refactor import RefactoringTool

from future.utils import iteritems
from past.utils import old_div

assert old_div(7, 2) == 3
assert dict(iteritems({"a": 1})) == {"a": 1}
tool = RefactoringTool(["lib2to3.fixes.fix_raise", "libfuturize.fixes.fix_print_with_import"])
assert str(tool.refactor_string("print 'a', 1\n", "program.py")).splitlines()[-1] == "print('a', 1)"
