"""What uv says, in our words. The texts are uv 0.13.8's, recorded on 2026-11-21, addresses shortened."""

from __future__ import annotations

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils._build import BuildError, Uv, explain, one_line
from ansible_collections.mlinabox.core.plugins.module_utils._pins import Pin
from ansible_collections.mlinabox.core.plugins.module_utils._proof import apply_waivers
from ansible_collections.mlinabox.core.plugins.module_utils._source_builds import names_without_wheels
from ansible_collections.mlinabox.core.plugins.module_utils._space import needed_mib, shortage

PINS = [
    Pin("idna", "3.20", ("sha256:" + "0" * 64,), "", "lock.txt:1"),
    Pin("tabulate", "0.10.0", ("sha256:" + "0" * 64,), "", "lock.txt:4"),
    Pin("wheel", "0.43.0", ("sha256:" + "0" * 64,), "", "lock.txt:7"),
]
HASH_MISMATCH = """\
  × Failed to download `idna==3.20`
  ╰─▶ Hash mismatch for `idna==3.20`

      Expected:
        sha256:0000000000000000000000000000000000000000000000000000000000000000

      Computed:
        sha256:ab7ae7122974553370f0bdb919e1a960b2cd1bc1ef0276416d896db81c14582c
"""
NO_NETWORK = """\
error: Request failed after 3 retries in 8.6s
  Caused by: Failed to fetch: `http://127.0.0.1:9/simple/tabulate/`
  Caused by: error sending request for url (http://127.0.0.1:9/simple/tabulate/)
  Caused by: client error (Connect)
  Caused by: tcp connect error
  Caused by: Connection refused (os error 111)
"""
DISK_FULL = """\
  × Failed to download `idna==3.20`
  ├─▶ Failed to extract archive: idna-3.20-py3-none-any.whl
  ╰─▶ failed to write to file `/opt/mlinabox/cache/uv/.tmp/x`: No space left on device (os error 28)
"""
DAMAGED = """\
  × Failed to download `idna==3.20`
  ├─▶ Failed to extract archive: idna-3.20-py3-none-any.whl
  ╰─▶ deflate decompression error: invalid code lengths set
"""
# After a power failure that emptied files of uv's cache.
DAMAGED_CACHE = """\
error: Failed to install: idna-3.20-py3-none-any.whl (idna==3.20)
  Caused by: The wheel is invalid: Invalid Wheel-Version in `WHEEL` file: None
"""


@pytest.mark.parametrize(
    ("said", "begins", "holds"),
    [
        (HASH_MISMATCH, "lock.txt:1: idna==3.20: ", "made for another Python or platform whose wheel alone it allows"),
        (HASH_MISMATCH, "lock.txt:1: idna==3.20: the file that was served has another hash", "sha256:ab7ae712"),
        (NO_NETWORK, "lock.txt:4: tabulate==0.10.0: cannot download from the package index", "network_http_proxy"),
        (DISK_FULL, "lock.txt:1: idna==3.20: the disk is full", "Free space"),
        (DAMAGED, "lock.txt:1: idna==3.20: the file that was served is damaged", "Run again"),
        (DAMAGED_CACHE, "lock.txt:1: idna==3.20: ", "The wheel is invalid"),
        ("error: something else\n", "uv failed: something else", ""),
    ],
)
def test_explain(said, begins, holds):
    line = explain(said, PINS)
    assert line.startswith(begins)
    assert holds in line
    assert "\n" not in line


def test_one_line_leaves_out_progress_and_hints():
    assert one_line("Using Python 3.9\nerror: a\n  Caused by: b\nhint: c\n") == "a b"


def test_one_line_takes_a_warning_for_the_cause_only_where_nothing_else_is_said():
    warning = "warning: an option is experimental"
    assert one_line(f"{warning}\nerror: it was ended by signal 9\n") == "it was ended by signal 9"
    assert one_line(f"{warning}\n") == warning


def test_a_missing_uv_is_said():
    with pytest.raises(BuildError, match="Install it first"):
        Uv("/nonexistent/uv", "/nonexistent").run("--version")


def test_a_killed_uv_is_said(tmp_path):
    program = tmp_path / "uv"
    program.write_text("#!/bin/sh\nkill -9 $$\n")
    program.chmod(0o755)
    status, _out, err = Uv(str(program), str(tmp_path)).run("--version")
    assert status == -9
    assert explain(err, PINS) == "uv failed: it was ended by signal 9"
    # No complaints of one that could not look prove nothing.
    with pytest.raises(BuildError, match="signal 9"):
        Uv(str(program), str(tmp_path)).check(str(tmp_path))


def test_waivers_need_their_distribution():
    complaints = [
        "The package `xgboost` was built for a different platform",
        "The package `a` requires `b>=2`, but `1` is installed",
    ]
    standing, waived = apply_waivers(complaints, [{"distribution": "XGBoost", "reason": "its tag is wrong"}])
    assert standing == complaints[1:]
    assert waived == [{"complaint": complaints[0], "reason": "its tag is wrong"}]
    about_files = [{"distribution": "xgboost", "reason": "RECORD", "files": ["x"]}]
    assert apply_waivers(complaints, about_files)[0] == complaints


@pytest.mark.parametrize(("changed", "need"), [(0, 1500), (25, 1500), (50, 3000), (100, 6000)])
def test_what_is_shared_with_the_cache_needs_no_space(changed, need):
    class Change:
        action = "upgrade"

    assert needed_mib(6000, [Change] * changed, [None] * 100) == need


def test_a_shortage_names_both_sizes(tmp_path):
    class Change:
        action = "install"

    assert shortage(str(tmp_path / "not" / "yet"), 0, [Change], [None]) == ""
    line = shortage(str(tmp_path / "not" / "yet"), 10**9, [Change], [None])
    assert f"{tmp_path} has " in line
    assert "needs about 1000000000 MiB" in line


def test_what_has_no_wheel_is_read_out_of_uvs_hint():
    said = (
        "error: No solution found when resolving dependencies\n  cause: Because docopt==0.6.2 has no usable wheels\n\n"
        "hint: Wheels are required for `Docopt` because building from source is disabled for all packages\n"
    )
    assert names_without_wheels(said) == {"docopt"}
    assert names_without_wheels(HASH_MISMATCH) == set()
