"""Room on file systems: what lies on one is added up."""

from __future__ import annotations

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _space


@pytest.mark.parametrize(
    ("free", "one", "lacking"),
    [
        ({"/usr": 100, "/var": 100}, False, ""),
        ({"/usr": 100, "/var": 39}, False, "/var has 39 MiB free, and 40 MiB are needed"),
        ({"/usr": 69, "/var": 100}, False, "/usr has 69 MiB free, and 70 MiB are needed"),
        ({"/usr": 110, "/var": 110}, True, ""),
        ({"/usr": 109, "/var": 109}, True, "/usr has 109 MiB free, and 110 MiB are needed"),
    ],
)
def test_what_lies_on_one_file_system_is_added_up(monkeypatch, free, one, lacking):
    monkeypatch.setattr(_space, "free_mib", lambda path: free[path])
    monkeypatch.setattr(_space, "same_file_system", lambda path, other: one or path == other)
    monkeypatch.setattr(_space, "existing_parent", lambda path: path)
    assert _space.lacking({"/usr": 70, "/var": 40}) == lacking


def test_this_machine_has_a_file_system(tmp_path):
    assert _space.same_file_system(str(tmp_path), str(tmp_path / "not" / "there"))
    assert _space.lacking({str(tmp_path): 0}) == ""
    assert "are needed" in _space.lacking({str(tmp_path): 1 << 40})
