# Copyright: (c) 2026, the ML in a Box contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a smoke check may be, and the verdict on one."""

from __future__ import annotations

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils._smoke_check import Check, verdict
from ansible_collections.mlinabox.core.tests.unit.plugins.module_utils.smoke import check

MINIMAL = {"name": "NumPy", "script": "import numpy", "distribution": "numpy"}


def test_check_from_dict_has_defaults():
    parsed = Check.from_dict(MINIMAL)
    assert (parsed.memory, parsed.timeout, parsed.expected, parsed.reason, parsed.wanted) == (512, 180, "works", "", "")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": ""}, "field 'name' is missing or empty"),
        ({"script": None}, "smoke check NumPy: field 'script' is missing or empty"),
        ({"distribution": ""}, "field 'distribution' is missing or empty"),
        ({"distribution": ["numpy"]}, "field 'distribution' must be text, not ['numpy']"),
        ({"wanted": 1.23}, "field 'wanted' must be text, not 1.23"),
        ({"memory": 0}, "field 'memory' must be a whole number above 0, not 0"),
        ({"memory": True}, "field 'memory' must be a whole number above 0, not True"),
        ({"timeout": "60"}, "field 'timeout' must be a whole number above 0, not '60'"),
        ({"expected": "maybe"}, "field 'expected' must be 'works' or 'fails', not 'maybe'"),
        ({"expected": "fails"}, "field 'reason' is empty"),
        ({"colour": "red"}, "unknown field 'colour'"),
    ],
)
def test_check_from_dict_names_the_field(change, message):
    with pytest.raises(ValueError) as error:
        Check.from_dict({**MINIMAL, **change})
    assert message in str(error.value)


def test_check_is_a_mapping():
    with pytest.raises(ValueError, match="is a mapping"):
        Check.from_dict("import numpy")


@pytest.mark.parametrize(
    ("wanted", "found", "ok", "message"),
    [
        ("1.12.1", "1.12.1+cu116", True, ""),
        ("1.12.1+cu116", "1.12.1+cu116", True, ""),
        ("1.12.1+cu116", "1.12.1", False, "version 1.12.1 is not the one wanted"),
        ("1.12.1", "1.13.0", False, "version 1.13.0 is not the one wanted"),
        ("", "1.13.0", True, ""),
    ],
)
def test_the_version_counts(wanted, found, ok, message):
    outcome = verdict(check("pass", wanted=wanted), found, "", 9, 1.0)
    assert (outcome.works, outcome.ok, outcome.message) == (True, ok, message)
