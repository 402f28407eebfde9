"""Cython translates a typed function to C; a C compiler is not part of the environment and not asked for."""

from pathlib import Path

from Cython.Build import cythonize

Path("twice.pyx").write_text("cpdef long twice(long x):\n    return 2 * x\n")
(extension,) = cythonize("twice.pyx", language_level=3, quiet=True)
source = Path(extension.sources[0])
assert source.name == "twice.c"
assert "PyInit_twice" in source.read_text()
