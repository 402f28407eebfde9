"""Locks for another host, as uv says it. The texts are uv 0.13.8's, recorded on 2026-11-21 with wheels made for it."""

from __future__ import annotations

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils._build import explain
from ansible_collections.mlinabox.core.plugins.module_utils._pins import Pin

HASH = ("sha256:" + "0" * 64,)
BASE = "http://127.0.0.1:8471/simple"
PINS = [
    *(
        Pin(name, "1.0", HASH, "", f"lock.txt:{line}")
        for line, name in enumerate(["py-only", "abi-tag", "plat-only", "new-libc", "too-new"], 1)
    ),
    # What messages do not show.
    Pin("gone", "1.0", HASH, "", "lock.txt:6", "https://user:secret@mirror.example.org/simple"),
    Pin("good", "2.0", HASH, "", "lock.txt:7"),
    Pin("by-url", "1.0", HASH, f"{BASE}/by_url-1.0-cp313-cp313-manylinux_2_17_x86_64.whl#x", "lock.txt:8"),
]
PYTHON_TAG = """\
Using Python 3.11.7 environment at: v311
error: No solution found when resolving dependencies
  cause: Because py-only==1.0 has no wheels with a matching Python implementation tag (e.g., `cp311`) and you require py-only==1.0, we can conclude that your requirements are unsatisfiable.

hint: You require CPython 3.11 (`cp311`), but we only found wheels for `py-only` (v1.0) with the following Python implementation tag: `py313`
"""  # noqa: E501 - as it was printed
ABI_TAG = """\
Using Python 3.11.7 environment at: v311
error: No solution found when resolving dependencies
  cause: Because abi-tag==1.0 has no wheels with a matching Python ABI tag (e.g., `cp311`) and you require abi-tag==1.0, we can conclude that your requirements are unsatisfiable.

hint: You require CPython 3.11 (`cp311`), but we only found wheels for `abi-tag` (v1.0) with the following Python ABI tags: `cp311d`, `cp312`
"""  # noqa: E501 - as it was printed
PLATFORM = """\
Using Python 3.11.7 environment at: v311
error: No solution found when resolving dependencies
  cause: Because plat-only==1.0 has no wheels with a matching platform tag (e.g., `manylinux_2_36_x86_64`) and you require plat-only==1.0, we can conclude that your requirements are unsatisfiable.

hint: Wheels are available for `plat-only` (v1.0) on the following platforms: `macosx_11_0_arm64`, `win_amd64`
"""  # noqa: E501 - as it was printed
GLIBC = """\
Using Python 3.11.7 environment at: v311
error: No solution found when resolving dependencies
  cause: Because new-libc==1.0 has no wheels with a matching platform tag (e.g., `manylinux_2_36_x86_64`) and you require new-libc==1.0, we can conclude that your requirements are unsatisfiable.

hint: Wheels are available for `new-libc` (v1.0) on the following platform: `manylinux_2_99_x86_64`
"""  # noqa: E501 - as it was printed
REQUIRES_PYTHON = """\
Using Python 3.11.7 environment at: v311
error: No solution found when resolving dependencies
  cause: Because the current Python version (3.11.7) does not satisfy Python>=3.13 and too-new==1.0 depends on Python>=3.13, we can conclude that too-new==1.0 cannot be used.
         And because you require too-new==1.0, we can conclude that your requirements are unsatisfiable.
"""  # noqa: E501 - as it was printed
GONE = """\
Using Python 3.11.7 environment at: v311
error: No solution found when resolving dependencies
  cause: Because gone was not found in the package registry and you require gone==1.0, we can conclude that your requirements are unsatisfiable.
"""  # noqa: E501 - as it was printed
NOT_LET_IN = (
    GONE
    + """
hint: An index URL (https://mirror.example.org/simple) could not be queried due to a lack of valid authentication \
credentials (401 Unauthorized)
"""
)
NO_VERSION = """\
Using Python 3.11.7 environment at: v311
error: No solution found when resolving dependencies
  cause: Because there is no version of good==2.0 and you require good==2.0, we can conclude that your requirements are unsatisfiable.
"""  # noqa: E501 - as it was printed
URL_PYTHON = f"""\
Using Python 3.11.7 environment at: v311
Resolved 1 package in 3ms
error: Failed to determine installation plan
  cause: A URL ({BASE}/by_url-1.0-cp313-cp313-manylinux_2_17_x86_64.whl) dependency is incompatible with the current platform

hint: The wheel is compatible with CPython 3.13 (`cp313`), but you're using CPython 3.11 (`cp311`)
"""  # noqa: E501 - as it was printed
URL_PLATFORM = f"""\
Using Python 3.11.7 environment at: v311
Resolved 1 package in 3ms
error: Failed to determine installation plan
  cause: A URL ({BASE}/by_url-1.0-cp313-cp313-manylinux_2_17_x86_64.whl) dependency is incompatible with the current platform

hint: The wheel is compatible with Linux (`manylinux_2_99_x86_64`), but you're on Linux (`manylinux_2_36_x86_64`)
"""  # noqa: E501 - as it was printed


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (
            PYTHON_TAG,
            "lock.txt:1: py-only==1.0: no wheel is for this host's CPython 3.11; they are for py313. Make a lock "
            "for this "
            "host, or name such an interpreter with the option python",
        ),
        (
            ABI_TAG,
            "lock.txt:2: abi-tag==1.0: no wheel is for this host's CPython 3.11; they are for cp311d, cp312. Make a "
            "lock for "
            "this host, or name such an interpreter with the option python",
        ),
        (
            PLATFORM,
            "lock.txt:3: plat-only==1.0: no wheel is for this host (manylinux_2_36_x86_64); they are for "
            "macosx_11_0_arm64, "
            "win_amd64. Make a lock for this host",
        ),
        (
            GLIBC,
            "lock.txt:4: new-libc==1.0: no wheel is for this host (manylinux_2_36_x86_64); they are for "
            "manylinux_2_99_x86_64. Its C library, glibc 2.36, is older than the wheels'. Make a lock for this "
            "host, or "
            "take a newer release of its distribution",
        ),
        (
            REQUIRES_PYTHON,
            "lock.txt:5: too-new==1.0: is for Python>=3.13, this host's interpreter is Python 3.11.7. Make a lock "
            "for this "
            "host, or name such an interpreter with the option python",
        ),
        (
            GONE,
            "lock.txt:6: gone==1.0: https://mirror.example.org/simple has no distribution of that name. Put it "
            "there, set "
            "network_index_url to an index that has it, or name its own index with the option indexes",
        ),
        (
            NOT_LET_IN,
            "lock.txt:6: gone==1.0: https://mirror.example.org/simple answers 401 Unauthorized. Put a user and a "
            "password that it knows into its address",
        ),
        (
            NO_VERSION,
            "lock.txt:7: good==2.0: the package index has no such version. Put it there, set network_index_url to "
            "an index "
            "that has it, or name its own index with the option indexes",
        ),
        (
            URL_PYTHON,
            "lock.txt:8: by-url==1.0: the wheel by_url-1.0-cp313-cp313-manylinux_2_17_x86_64.whl is for CPython "
            "3.13 (cp313), "
            "this host has CPython 3.11 (cp311). Make a lock for this host",
        ),
        (
            URL_PLATFORM,
            "lock.txt:8: by-url==1.0: the wheel by_url-1.0-cp313-cp313-manylinux_2_17_x86_64.whl is for Linux "
            "(manylinux_2_99_x86_64), this host has Linux (manylinux_2_36_x86_64). Make a lock for this host",
        ),
    ],
)
def test_what_the_lock_is_for_is_said(said, line):
    assert explain(said, PINS) == line


def test_an_unknown_name_is_said_all_the_same():
    assert explain(PLATFORM, []).startswith("plat-only: no wheel is for this host")
