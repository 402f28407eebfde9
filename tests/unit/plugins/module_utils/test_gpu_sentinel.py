# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one line that who logs in is shown, and the files that it lies in."""

from __future__ import annotations

import json

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _gpu_codes, _gpu_look, _gpu_sentinel
from ansible_collections.mlinabox.core.plugins.modules import gpu_sentinel_package
from ansible_collections.mlinabox.core.tests.unit.plugins.module_utils.hosts import lay_out, link

BUS = "/sys/bus/pci/devices/0000:01:00.0"
NOUVEAU = {
    f"{BUS}/vendor": "0x10de\n",
    f"{BUS}/device": "0x2204\n",
    f"{BUS}/class": "0x030000\n",
    f"{BUS}/driver": link("../../../../bus/pci/drivers/nouveau"),
}


def gpu_box(*codes, names=("NVIDIA A100", "NVIDIA A100", "NVIDIA T4"), text="It is so."):
    return {
        "kind": "gpu",
        "reason": "",
        "gpus": [{"name": name} for name in names],
        "driver": {"version": "535.129.03", "cuda": "12.2"},
        "findings": [_gpu_codes.finding(code, text, "Mend it.") for code in codes],
    }


@pytest.mark.parametrize(
    ("host", "line"),
    [
        (gpu_box(), "GPU: 2 x NVIDIA A100, NVIDIA T4, driver 535.129.03, CUDA up to 12.2: in order."),
        (gpu_box(names=[]), "GPU: of the driver, driver 535.129.03, CUDA up to 12.2: in order."),
        (gpu_box("gpu-lost"), "GPU BROKEN, gpu: It is so. Mend it."),
        (gpu_box("memory-errors", "gpu-lost", "fabric-not-ready"), "GPU BROKEN, gpu: It is so. Mend it. (and 1 more)"),
        (gpu_box("memory-errors"), "GPU warning, gpu: It is so. Mend it."),
        (gpu_box("reboot-pending"), "GPU: 2 x NVIDIA A100, NVIDIA T4, driver 535.129.03, CUDA up to 12.2: in order."),
        (gpu_box("gpu-lost", text="a\nb " * 200), None),
    ],
)
def test_the_line(host, line):
    found = _gpu_sentinel.line(host)
    assert line is None or found == line
    assert len(found) <= 400 and "\n" not in found


def test_what_it_leaves(tmp_path, capsys):
    root = lay_out(tmp_path / "host", NOUVEAU)
    folder = tmp_path / "run" / "mlinabox"
    assert _gpu_sentinel.main(["--root", root, "--folder", str(folder)]) == 0
    line = (folder / "gpu.motd").read_text()
    assert line == capsys.readouterr().out
    assert line.startswith("GPU BROKEN, nouveau: ")
    status = json.loads((folder / "gpu.json").read_text())
    assert status["line"] + "\n" == line
    assert status["findings"] == _gpu_look.look(root)["findings"]
    assert [(path.stat().st_mode & 0o777) for path in sorted(folder.iterdir())] == [0o644, 0o644]


def test_the_package_is_written_once_and_holds_nothing_else(tmp_path):
    folder = tmp_path / "lib"
    files = {"a.py": "1\n", "__init__.py": ""}
    write, remove = gpu_sentinel_package.plan(str(folder), files)
    assert (write, remove) == (["__init__.py", "a.py"], [])
    gpu_sentinel_package.carry_out(str(folder), files, write, remove)
    assert gpu_sentinel_package.plan(str(folder), files) == ([], [])
    (folder / "a.py").write_text("2\n")
    (folder / "old.py").write_text("")
    (folder / "__pycache__").mkdir()
    (folder / "folder").mkdir()
    write, remove = gpu_sentinel_package.plan(str(folder), files)
    assert (write, remove) == (["a.py"], ["folder", "old.py"])
    gpu_sentinel_package.carry_out(str(folder), files, write, remove)
    assert gpu_sentinel_package.plan(str(folder), files) == ([], [])
