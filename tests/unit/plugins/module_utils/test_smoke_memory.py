# Copyright: (c) 2026, the ML in a Box contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How much memory smoke checks may take."""

from __future__ import annotations

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils._smoke_memory import memory_budget

MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("cgroup", "files", "budget"),
    [
        pytest.param("0::/\n", {}, 8000, id="no limit"),
        pytest.param("0::/a\n", {"a/memory.max": "max", "a/memory.current": "5"}, 8000, id="v2, none either"),
        pytest.param(
            "0::/a/b\n",
            {"a/memory.max": str(1000 * MIB), "a/memory.current": str(500 * MIB)},
            400,
            id="v2, the parent's",
        ),
        pytest.param(
            "0::/a\n",
            {
                "a/memory.max": str(1000 * MIB),
                "a/memory.current": str(900 * MIB),
                "a/memory.stat": f"anon 5\nactive_file 7\ninactive_file {400 * MIB}\n",
            },
            400,
            id="v2, cached files can be given back",
        ),
        pytest.param(
            "4:memory:/x\n0::/\n",
            {"memory/memory.limit_in_bytes": str(200 * MIB), "memory/memory.usage_in_bytes": str(100 * MIB)},
            80,
            id="v1, in a container that does not see its own path",
        ),
        pytest.param(
            "5:cpu,memory:/x\n",
            {"memory/x/memory.limit_in_bytes": "9223372036854771712", "memory/x/memory.usage_in_bytes": "1"},
            8000,
            id="v1, no limit",
        ),
        pytest.param("0::/a\n", {"a/memory.max": "1", "a/memory.current": "2"}, 0, id="nothing left"),
    ],
)
def test_memory_budget(cgroup, files, budget, tmp_path):
    proc, cgroups = tmp_path / "proc", tmp_path / "cgroup"
    (proc / "self").mkdir(parents=True)
    (proc / "meminfo").write_text(f"MemTotal: 1 kB\nMemAvailable:   {10000 * 1024} kB\n")
    (proc / "self" / "cgroup").write_text(cgroup)
    for name, text in files.items():
        (cgroups / name).parent.mkdir(parents=True, exist_ok=True)
        (cgroups / name).write_text(text)
    assert memory_budget(str(proc), str(cgroups)) == budget


def test_memory_budget_of_this_machine():
    assert memory_budget() > 0
