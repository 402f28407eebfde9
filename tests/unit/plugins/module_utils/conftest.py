# Copyright: (c) 2026, the ML in a Box contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tests of several modules use."""

from __future__ import annotations

import os
import shutil
import tempfile

import pytest


@pytest.fixture
def scratch():
    """A folder that every user can enter; a run must leave it empty."""
    folder = tempfile.mkdtemp(prefix="test-smoke-", dir="/var/tmp")
    os.chmod(folder, 0o755)
    yield folder
    left = os.listdir(folder)
    shutil.rmtree(folder)
    assert left == []
