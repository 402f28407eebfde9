# Copyright: (c) 2026, the ML in a Box contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people read of smoke checks: the table, and the one line of a program's many."""

from __future__ import annotations

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils._smoke_check import Result, Results
from ansible_collections.mlinabox.core.plugins.module_utils._smoke_ending import error_line
from ansible_collections.mlinabox.core.plugins.module_utils._smoke_table import table


def result(**given):
    facts = {"distribution": "d", "wanted": "1.0", "found": "1.0", "works": True, "ok": True, "unexpected": False}
    return Result(**{**facts, "name": "n", "seconds": 1.0, "message": "", "peak_memory": 9, **given})


def test_table():
    failing = {"works": False, "ok": False, "found": "", "message": "ImportError: no x"}
    reason = "jaxlib is on no index"
    rows = [
        result(name="NumPy", wanted="1.23.2", found="1.23.2"),
        result(name="Transformers", **failing),
        result(name="Jax", wanted="", works=False, expected="fails", reason=reason, message="ImportError: jaxlib"),
        result(name="CuPy", expected="fails", reason="r", unexpected=True),
    ]
    assert table(rows).splitlines() == [
        "Software      Version wanted  Version found  Works              Note",
        "------------  --------------  -------------  -----------------  ----",
        "NumPy         1.23.2          1.23.2         yes",
        "Transformers  1.0             -              no                 ImportError: no x",
        "Jax           -               1.0            fails as expected  jaxlib is on no index",
        "CuPy          1.0             1.0            yes                works, though it was expected to fail: r",
    ]
    assert table(Results()).splitlines()[0].startswith("Software  Version wanted")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        ("\n  \n", ""),
        ("first\nlast  \n\n", "last"),
        ("x" * 400, "x" * 297 + "..."),
        # Recorded: cupy-cuda12x 12.2.0 without a driver, 2026-11-21.
        (
            'Traceback (most recent call last):\n  File "cupy/__init__.py", line 16, in <module>\n'
            "    from cupy import _core\nImportError: libcuda.so.1: cannot open shared object file\n\n"
            "The above exception was the direct cause of the following exception:\n\n"
            'Traceback (most recent call last):\n  File "check.py", line 3, in <module>\n    import cupy\n'
            "ImportError: \n====\nFailed to import CuPy.\n====\n",
            "ImportError: Failed to import CuPy.",
        ),
        ('Traceback (most recent call last):\n  File "check.py", line 3\n', 'File "check.py", line 3'),
    ],
)
def test_error_line(text, line):
    assert error_line(text) == line
