# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The walk over a host's layers, from the bus to the containers: it stops at the first that is broken.

What stands on a broken layer cannot be right, and what would be said of it would mislead; so it is not looked at. The
layers `boot` and `packages` stand beside the others and are always judged. On a host that has no GPU there is nothing
to walk.
"""

from __future__ import annotations

import os
import pwd

from . import (
    _doctor_apt,
    _doctor_containers,
    _doctor_cudnn,
    _doctor_environments,
    _doctor_fit,
    _doctor_frameworks,
    _doctor_persistence,
    _doctor_toolkit,
    _loader,
)
from ._doctor_cures import cures
from ._gpu_codes import BROKEN, LAYERS, NOTE, WARNING, in_order
from ._gpu_state import CPU

OK, SKIPPED = "ok", "skipped"
BESIDE = ("boot", "packages")
_UNDER = "It stands on a broken layer and was not looked at."
_NOTHING = "There is no GPU on this host."


class Doctor:
    """Looks at one host; each part is seen once, when the walk comes to it."""

    def __init__(
        self,
        info,
        root="/",
        wanted=None,
        architectures=None,
        place=_doctor_environments.ENVIRONMENTS,
        framework_timeout=180,
    ):
        """info: of _gpu_look.look; root: "/" or a folder that stands for a host; wanted: names of environments, None
        for all that are live; architectures: see _doctor_fit.judge; place: the box's folder on the host;
        framework_timeout: seconds for each framework.
        """
        self.info = info
        self.root = root
        self.wanted = wanted
        self.architectures = architectures
        self.place = place
        self.framework_timeout = framework_timeout
        self.aside = []
        self._seen = {}

    def _once(self, name, look):
        if name not in self._seen:
            self._seen[name] = look()
        return self._seen[name]

    @property
    def loader(self):
        """What the dynamic linker goes by."""
        return self._once("loader", lambda: _loader.look(self.root))

    @property
    def environments(self):
        """The box's live environments."""
        return self._once(
            "environments",
            lambda: _doctor_environments.look(self.root, self.loader, self.wanted, self.place),
        )

    @property
    def toolkit(self):
        """The CUDA toolkits."""
        return self._once("toolkit", lambda: _doctor_toolkit.look(self.root, self.loader))

    @property
    def _compatible(self):
        return _doctor_fit.compatible_driver(self.root, self.loader)

    def _fit(self, layer):
        toolkits = self.toolkit["toolkits"]
        found = self._once(
            "fit",
            lambda: _doctor_fit.judge(self.info, toolkits, self.environments, self.architectures, self._compatible),
        )
        text = _doctor_fit.text(self.info, toolkits, self.environments, layer, self._compatible)
        return [one for one in found if one["layer"] == layer], text

    def _look_toolkit(self):
        return _doctor_toolkit.judge(self.toolkit), _doctor_toolkit.text(self.toolkit)

    def _look_cudnn(self):
        seen = _doctor_cudnn.look(self.root, self.loader)
        self.aside = _doctor_cudnn.aside(seen)
        return _doctor_cudnn.judge(seen, self.environments), _doctor_cudnn.text(seen)

    def _look_frameworks(self):
        # Who made the folder of a test may look into it, and nobody else.
        user = "nobody" if self.root == "/" else pwd.getpwuid(os.geteuid()).pw_name
        variables = self.loader["variables"]
        seen = _doctor_frameworks.look(self.environments, self.root, variables, self.framework_timeout, user)
        return _doctor_frameworks.judge(seen, self.environments), _doctor_frameworks.text(seen)

    def _look_containers(self):
        seen = _doctor_containers.look(self.root)
        return _doctor_containers.judge(seen, self.info), _doctor_containers.text(seen)

    def _look(self, layer):
        """The findings of a layer that gpu_info does not see, and a sentence for where there are none."""
        looks = {
            "gpu": lambda: (_doctor_persistence.judge(_doctor_persistence.look(self.root)), ""),
            "driver for toolkit": lambda: self._fit("driver for toolkit"),
            "toolkit": self._look_toolkit,
            "cudnn": self._look_cudnn,
            "architectures": lambda: self._fit("architectures"),
            "frameworks": self._look_frameworks,
            "containers": self._look_containers,
        }
        if layer in looks:
            return looks[layer]()
        if layer == "packages":
            return _doctor_apt.judge(_doctor_apt.look(self.root)), ""
        return [], ""

    def examine(self):
        """Return what the module gpu_doctor does, without `info` and `table`."""
        rows, findings, stopped = [], [], False
        for layer in LAYERS:
            beside = layer in BESIDE
            if self.info["kind"] == CPU and layer not in ("bus", "packages"):
                rows.append(_row(layer, SKIPPED, _NOTHING))
                continue
            if stopped and not beside:
                rows.append(_row(layer, SKIPPED, _UNDER))
                continue
            try:
                found, text = self._look(layer)
            except Exception as error:  # whatever a damaged host makes of a file; the other layers are judged
                found, text = [], ""
                failed = f"It could not be looked at ({type(error).__name__}: {error})."
            else:
                failed = ""
            found = [*(one for one in self.info["findings"] if one["layer"] == layer), *found]
            # Two lines of one file, or two environments of one stack, may say the same.
            found = in_order({(one["code"], one["text"]): one for one in found}.values())
            findings += found
            row = _judged(layer, found, text or self._fine(layer))
            if failed and row["status"] == OK:
                row = _row(layer, WARNING, failed, "Look at what it names, and tell the authors of this collection.")
            rows.append(row)
            stopped = stopped or (not beside and rows[-1]["status"] == BROKEN)
        broken = next((row for row in rows if row["status"] == BROKEN), _row("", "", ""))
        return {
            "layers": rows,
            "findings": findings,
            "cures": cures(findings),
            "broken": bool(broken["layer"]),
            "layer": broken["layer"],
            "reason": broken["text"],
            "cure": broken["cure"],
            "aside": self.aside,
        }

    def _fine(self, layer):
        """One sentence on a layer of gpu_info's where nothing is wrong."""
        driver = self.info["driver"]
        gpus = self.info["gpus"]
        version = driver["version"] or driver["nvml"] or "of an unknown version"
        kind = "NVIDIA's open module" if driver["open"] else "NVIDIA's module"
        fabric = self.info["fabric"]
        held = [package["name"] for package in driver["packages"] if package["held"]]
        return {
            "bus": _counted(gpus, driver) if self.info["kind"] != CPU else "No NVIDIA GPU is on the PCI bus.",
            "nouveau": "No other driver has a GPU.",
            "kernel module": f"{kind} {version} is loaded and has the GPUs.",
            "library": f"The driver's library is of the same version, {driver['library'] or version}.",
            "access": "The driver answers.",
            "gpu": f"{_named(gpus)}: none is lost, failing or slowed down." if gpus else "The driver names no GPU.",
            "fabric": f"The fabric manager {fabric['version']} runs." if fabric["needed"] else "There is no NVSwitch.",
            "boot": "The next start changes nothing.",
            "packages": f"{len(held)} packages of the driver are held." if held else "Nothing mixed, nothing foreign.",
        }.get(layer, "")


def _judged(layer, found, text):
    worst = next((severity for severity in (BROKEN, WARNING) if any(one["severity"] == severity for one in found)), OK)
    said = [one for one in found if one["severity"] == worst]
    if not said:
        notes = [one["text"] for one in found if one["severity"] == NOTE]
        return _row(layer, OK, " ".join([text, *notes]).strip())
    return _row(layer, worst, " ".join(one["text"] for one in said[:3]) + _more(said), said[0]["cure"])


def _more(said):
    return f" And {len(said) - 3} more." if len(said) > 3 else ""


def _row(layer, status, text, cure=""):
    return {"layer": layer, "status": status, "text": text, "cure": cure}


def _counted(gpus, driver):
    on_bus = [gpu for gpu in gpus if gpu["address"]]
    if not on_bus:
        return (
            "The bus shows no GPU, and the driver has one." if driver["loaded"] else "No NVIDIA GPU is on the PCI bus."
        )
    return "One NVIDIA GPU is on the PCI bus." if len(on_bus) == 1 else f"{len(on_bus)} NVIDIA GPUs are on the PCI bus."


def _named(gpus):
    counted = {}
    for gpu in gpus:
        name = gpu["name"] or gpu["device"] or "a GPU"
        counted[name] = counted.get(name, 0) + 1
    return ", ".join(f"{count} x {name}" if count > 1 else name for name, count in counted.items())
