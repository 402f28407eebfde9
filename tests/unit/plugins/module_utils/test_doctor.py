# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The walk: its order, where it stops, what stands beside it; and the tables that it ends in."""

from __future__ import annotations

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import (
    _doctor_cures,
    _doctor_toolkit,
    _gpu_codes,
    _gpu_look,
)
from ansible_collections.mlinabox.core.plugins.module_utils._doctor import Doctor
from ansible_collections.mlinabox.core.plugins.module_utils._doctor_table import (
    WIDTH,
    fleet_row,
    fleet_table,
    host_table,
)
from ansible_collections.mlinabox.core.tests.unit.plugins.module_utils.hosts import lay_out, library, link

LIB = "/usr/lib/x86_64-linux-gnu"
BOGUS = {f"{LIB}/libcudnn.so.8": link("libcuda.so.1"), f"{LIB}/libcuda.so.1": library("libcuda.so.1")}
SNAP = {"/var/lib/snapd/snaps/docker_2932.snap": ""}


def examined(tmp_path, files, *findings, kind="gpu"):
    """The doctor's result on a GPU box of these files, for which gpu_info found these codes."""
    root = lay_out(tmp_path, files)
    info = _gpu_look.look(root)
    info["kind"] = kind
    if kind == "gpu":
        card = {"address": "0000:01:00.0", "name": "NVIDIA A100", "compute_capability": "8.0", "driver": "nvidia"}
        info["gpus"] = [{**card, "device": "0x20b0", "lost": False}]
        info["driver"].update({"version": "535.129.03", "loaded": True})
    info["findings"] = [_gpu_codes.finding(code, f"{code}.", "Mend it and restart the machine.") for code in findings]
    return {**Doctor(info, root).examine(), "info": info}


def statuses(result):
    return {row["layer"]: row["status"] for row in result["layers"]}


def test_a_whole_box(tmp_path):
    result = examined(tmp_path, {})
    assert list(statuses(result)) == list(_gpu_codes.LAYERS)
    assert set(statuses(result).values()) == {"ok"}
    assert (result["broken"], result["layer"], result["findings"]) == (False, "", [])
    assert all(row["text"].endswith(".") for row in result["layers"])


@pytest.mark.parametrize(
    ("files", "codes", "layer"),
    [
        ({}, ["nouveau-bound"], "nouveau"),
        (BOGUS, ["gpu-lost"], "gpu"),
        ({**BOGUS, **SNAP}, [], "cudnn"),
        (SNAP, [], "containers"),
        (SNAP, ["driver-upgrades-itself", "next-module-unsigned"], "containers"),
    ],
)
def test_it_stops_at_the_first_broken_layer(tmp_path, files, codes, layer):
    result = examined(tmp_path, files, *codes)
    assert (result["broken"], result["layer"]) == (True, layer)
    at = _gpu_codes.LAYERS.index(layer)
    for number, name in enumerate(_gpu_codes.LAYERS):
        status = statuses(result)[name]
        if name in ("boot", "packages"):
            assert status != "skipped"
        else:
            assert status == ("ok" if number < at else "broken" if number == at else "skipped")
    assert result["cure"]


def test_what_stands_on_a_broken_layer_is_not_even_looked_at(tmp_path):
    marks = tmp_path / "asked"
    files = {
        "/usr/local/cuda-11.7/bin/nvcc": f"#!/bin/sh\ntouch {marks}\n",
        "/usr/bin/docker": f"#!/bin/sh\ntouch {marks}\n",
    }
    examined(tmp_path / "host", files, "gpu-lost")
    assert not marks.exists()


def test_a_host_without_a_gpu_has_nothing_to_walk(tmp_path):
    result = examined(tmp_path, {**BOGUS, **SNAP}, kind="cpu")
    assert not result["broken"]
    assert statuses(result)["bus"] == "ok"
    assert {status for layer, status in statuses(result).items() if layer not in ("bus", "packages")} == {"skipped"}


def test_warnings_do_not_break_and_notes_stay_with_what_is_right(tmp_path):
    result = examined(tmp_path, {}, "next-module-unsigned", "driver-without-gpu")
    assert not result["broken"]
    assert statuses(result)["boot"] == "warning"
    assert statuses(result)["bus"] == "ok"
    assert "driver-without-gpu." in result["layers"][0]["text"]


def test_this_very_machine_is_examined():
    """Whatever it is: on one with a GPU the real driver, libraries and frameworks answer."""
    result = Doctor(_gpu_look.look("/"), "/").examine()
    assert list(statuses(result)) == list(_gpu_codes.LAYERS)
    assert set(statuses(result).values()) <= {"ok", "warning", "broken", "skipped"}
    assert result["broken"] is ("broken" in statuses(result).values())


def test_every_cure_is_known_once():
    codes = _gpu_codes.CODES
    assert {fix for _layer, _severity, fix in codes.values()} - {""} == set(_doctor_cures.SAFE)
    assert set(_doctor_cures.ASKED_FOR) <= set(codes)
    assert set(_doctor_cures.ASKED_FOR.values()) == set(_doctor_cures.ASKED)
    # What is done by itself is not asked.
    assert not [code for code in _doctor_cures.ASKED_FOR if codes[code][2]]


def test_cures_are_named_once_safe_ones_first_and_a_restart_last(tmp_path):
    codes = ["driver-reboot-pending", "driver-upgrades-itself"]
    result = examined(tmp_path, {**BOGUS, f"{LIB}/libcudnn_x.so.8": link("libcuda.so.1")}, *codes)
    assert [(cure["name"], cure["safe"]) for cure in result["cures"]] == [
        ("move-cudnn-aside", True),
        ("hold-driver", True),
        ("restart", False),
    ]
    assert result["cures"][2]["text"].endswith("Restart the machine now? All that runs on it ends.")
    helpless = _gpu_codes.finding("driver-library-mismatch", "An old module is installed.", "Install a newer one.")
    assert _doctor_cures.cures([helpless]) == []


WANTED = {
    "/lib/systemd/system/nvidia-persistenced.service": "[Service]\n",
    "/etc/systemd/system/multi-user.target.wants/nvidia-persistenced.service": link(
        "/lib/systemd/system/nvidia-persistenced.service"
    ),
}


@pytest.mark.parametrize(
    ("files", "codes"),
    [
        ({}, []),
        ({"/lib/systemd/system/nvidia-persistenced.service": "[Service]\n"}, []),
        (WANTED, ["persistenced-stopped"]),
        ({**WANTED, "/run/nvidia-persistenced/nvidia-persistenced.pid": "1\n"}, []),
        ({**WANTED, "/run/nvidia-persistenced/socket": ""}, []),
        ({**WANTED, "/usr/bin/systemctl": "#!/bin/sh\necho active\n"}, []),
        ({**WANTED, "/usr/bin/systemctl": "#!/bin/sh\necho inactive\nexit 3\n"}, ["persistenced-stopped"]),
    ],
)
def test_what_keeps_the_driver_awake(tmp_path, files, codes):
    result = examined(tmp_path, files)
    assert [one["code"] for one in result["findings"]] == codes
    assert statuses(result)["gpu"] == "ok"


def test_a_layer_that_cannot_be_looked_at_does_not_end_the_walk(tmp_path, monkeypatch):
    def fail(*_arguments):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(_doctor_toolkit, "look", fail)
    result = examined(tmp_path, SNAP)
    assert {layer: status for layer, status in statuses(result).items() if status != "ok"} == {
        # They need what the toolkit's look saw.
        "driver for toolkit": "warning",
        "toolkit": "warning",
        "architectures": "warning",
        "containers": "broken",
    }
    assert "Input/output error" in result["layers"][8]["text"]


def test_the_same_is_said_once(tmp_path):
    line = "deb [signed-by=/none.gpg] https://developer.download.nvidia.com/compute/cuda/repos/debian12/x86_64/ /\n"
    result = examined(tmp_path, {"/etc/apt/sources.list.d/cuda.list": line + line.replace("deb ", "deb-src ")})
    assert [one["code"] for one in result["findings"]] == ["apt-key-missing"]


def test_paths_that_are_moved_aside(tmp_path):
    assert examined(tmp_path, BOGUS)["aside"] == [f"{LIB}/libcudnn.so.8"]


def test_the_table_of_a_host(tmp_path):
    lines = host_table(examined(tmp_path, BOGUS)["layers"])
    assert max(map(len, lines)) <= WIDTH
    text = "\n".join(lines)
    assert "cudnn               BROKEN" in text
    assert "-> Remove" in text
    # What was not looked at shares a row.
    assert text.count("was not looked at") == 1
    assert "frameworks and containers" in " ".join(text.split())


def test_the_table_of_a_fleet(tmp_path):
    rows = [
        fleet_row("a", examined(tmp_path / "a", {})),
        fleet_row("b", examined(tmp_path / "b", BOGUS)),
        fleet_row("c", examined(tmp_path / "c", {}, kind="cpu")),
        fleet_row("d", {"unreachable": True, "msg": "Failed to connect to the host via ssh:\nno route to host"}),
        fleet_row("e", {"failed": True, "msg": "x " * 200}),
        fleet_row("f", {}),
        fleet_row("g", examined(tmp_path / "g", {}, "next-module-unsigned")),
    ]
    assert [row["status"] for row in rows] == ["ok", "broken", "ok", "UNREACHABLE", "FAILED", "FAILED", "warning"]
    lines = fleet_table(rows)
    assert max(map(len, lines)) <= WIDTH
    text = "\n".join(lines)
    assert "no route to host" in text and "BROKEN" in text and "cudnn" in text
