# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules of the collection as files of their own: nothing that they import is missing."""

from __future__ import annotations

import subprocess
import sys

from ansible_collections.mlinabox.core.plugins.module_utils import _gpu_sentinel, _own_source


def test_both_ways_to_import_are_seen():
    text = "from . import _a\ndef f():\n    from ._b import c\nimport os\nfrom os import path\n"
    assert _own_source.neighbours(text) == {"_a", "_b"}


def test_they_work_where_nothing_else_is(tmp_path):
    files = _own_source.with_neighbours(_gpu_sentinel)
    (tmp_path / "sentinel").mkdir()
    for name, text in {**files, "__init__": ""}.items():
        (tmp_path / "sentinel" / f"{name}.py").write_text(text)
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from sentinel._gpu_sentinel import main; main()"
    command = [sys.executable, "-I", "-c", program, "--root", str(tmp_path), "--folder", str(tmp_path / "run")]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
    assert said == "GPU: none. There is no NVIDIA GPU on the PCI bus.\n"
    assert (tmp_path / "run" / "gpu.motd").read_text() == said
