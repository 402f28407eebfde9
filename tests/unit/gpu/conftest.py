# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts out of tests/gpu/scenarios, each made once; a test leaves them as they were."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "gpu"))

pytest.importorskip("yaml")


class Hosts:
    """Makes hosts below one folder; a host is made when it is first asked for."""

    def __init__(self, folder):
        self.folder = folder
        self._made = {}

    def __call__(self, name):
        """The root (str) of the host of a scenario."""
        import materialize

        if name not in self._made:
            # No word of what is wrong with it stands in its place.
            place = os.path.join(self.folder, str(len(self._made)))
            self._made[name] = materialize.materialize(materialize.load(name), place)
        return self._made[name]


@pytest.fixture(scope="session")
def hosts():
    """Hosts in a folder that every user can enter: what looks at them does part of it as nobody."""
    from standin import libraries

    if not libraries.compiler():
        pytest.skip("no C compiler is here")
    folder = tempfile.mkdtemp(prefix="test-gpu-", dir="/var/tmp")
    os.chmod(folder, 0o755)
    yield Hosts(folder)
    shutil.rmtree(folder)
