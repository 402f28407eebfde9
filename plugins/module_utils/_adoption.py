# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the old ML-in-a-Box script left on a host, read from the file system alone. No Ansible import.

The script (github.com/Paperspace/ml-in-a-box) ran once, as root, and changed the system itself: packages into
/usr/local with pip, links over `python3`, keys into apt's common keyring, CUDA with a runfile, lines in shell profiles.
Each such trace becomes a Finding, which says what it is, why it is in the way (or that it is not) and the cure.
"""

from __future__ import annotations

import os
import re

from . import _adoption_apt
from ._adoption_finding import MOVE, NOTHING, RELINK, STRIP, Finding
from ._adoption_host import Host

__all__ = ["Finding", "Host", "find", "recognised", "report"]

#: One kind: whoever follows NVIDIA's instructions has all of them.
_NVIDIAS_OWN = ("nvidia-source", "nvidia-local-source", "nvidia-container-source", "nvidia-pin", "apt-key")
_ENVIRONMENT_FILES = (".bashrc", ".profile", ".bash_profile", ".zshrc")
_SYSTEM_ENVIRONMENT = ("/etc/environment", "/etc/profile", "/etc/bash.bashrc")
#: A line that puts a CUDA of /usr/local on a path for everything that the shell starts.
_CUDA_LINE = re.compile(r"^[^#]*\b(PATH|LD_LIBRARY_PATH|CUDA_HOME)\s*=.*/usr/local/cuda")
_OPEN_SERVER = re.compile(
    r"""^[^#]*(\bip\b["']?\s*[=:]\s*["'](0\.0\.0\.0|\*)?["']|\b(token|password)\b["']?\s*[=:]\s*u?["']["'])""", re.M
)


def find(host, box_root="/opt/mlinabox", archives=()):
    """Return the findings on a host, in the order in which they are best dealt with.

    host: a Host. box_root: the box's folder; what leads into it is this product's own. archives: further addresses that
    are taken for NVIDIA's archive of CUDA.
    """
    findings = []
    findings += _python_link(host)
    findings += _local_links(host, box_root)
    findings += _adoption_apt.find(host, archives)
    findings += _pip_packages(host)
    findings += _jupyter(host)
    findings += _cuda(host)
    findings += _environment(host)
    findings += _cmake(host)
    return findings


def recognised(findings):
    """Whether these are the old script's traces: two of a different kind, as one alone has many other causes."""
    return len({"nvidia" if finding.code in _NVIDIAS_OWN else finding.code for finding in findings}) >= 2


def report(findings):
    """Return the findings as lines for people, what is in the way first."""
    if not findings:
        return []
    old = recognised(findings)
    known = "an ML in a Box that the old script made" if old else "not the old script's, but has a trace like its"
    lines = [f"This host is {known}."]
    lines += [
        f"in the way: {_named(finding)}. Why: {finding.why}. Cure: {finding.cure}."
        for finding in findings
        if finding.in_the_way
    ]
    return lines + [f"{_named(finding)}; {finding.why}." for finding in findings if not finding.in_the_way]


def _named(finding):
    """What it is, with its path once."""
    return finding.what if finding.path in finding.what else f"{finding.path}: {finding.what}"


def _python_link(host):
    """/usr/bin/python3 that leads elsewhere than the release says (/usr/share/python3/debian_defaults)."""
    default = re.search(
        r"^default-version\s*=\s*(python3\.\d+)\s*$", host.text("/usr/share/python3/debian_defaults"), re.M
    )
    if not default or not host.exists("/usr/bin/python3"):
        return []
    wanted = "/usr/bin/" + default.group(1)
    found = host.resolve("/usr/bin/python3")
    if found == wanted:
        return []
    there = host.exists(wanted)
    return [
        Finding(
            "python3-link",
            "/usr/bin/python3",
            f"/usr/bin/python3 is {found}; the release's is {wanted}",
            "apt's tools and Ansible need the release's python3: their module python3-apt is built for it alone",
            ("" if there else f"apt-get install --reinstall {default.group(1)}-minimal, then ")
            + f"ln -sfn {default.group(1)} /usr/bin/python3",
            True,
            RELINK if there else NOTHING,
            ["/usr/bin/python3"],
            target=default.group(1),
        )
    ]


def _local_links(host, box_root):
    """Links of python's names in /usr/local/bin, which comes before /usr/bin on every PATH."""
    findings = []
    for name in ("python3", "python"):
        path = "/usr/local/bin/" + name
        if not host.link(path):
            continue
        found = host.resolve(path)
        if host.link(path).startswith(box_root + "/") or found.startswith(box_root + "/"):
            continue
        findings.append(
            Finding(
                "local-python-link",
                path,
                f"{path} leads to {found}",
                f"it hides the release's {name}, and the box's, from everything that searches PATH",
                f"mv {path} away; the box brings a `python` of its own",
                True,
                paths=[path],
            )
        )
    return findings


def _pip_packages(host):
    """Packages that pip installed for the whole system, and the programs that their RECORDs name."""
    findings = []
    for name in host.names("/usr/local/lib"):
        if not re.fullmatch(r"python3\.\d+", name):
            continue
        for leaf in ("dist-packages", "site-packages"):
            folder = f"/usr/local/lib/{name}/{leaf}"
            infos = [entry for entry in host.names(folder) if entry.endswith((".dist-info", ".egg-info"))]
            if not infos:
                continue
            some = ", ".join([info.rpartition(".")[0] for info in infos[:3]] + ["..."] * (len(infos) > 3))
            findings.append(
                Finding(
                    "pip-packages",
                    folder,
                    f"{len(infos)} Python packages that pip installed as root ({some})",
                    f"every {name} on the host imports them before the distribution's own, the system's tools included",
                    f"mv {folder} away; the box has these packages in an environment of its own",
                    True,
                    paths=[folder],
                )
            )
            scripts = _scripts(host, folder, infos)
            if scripts:
                findings.append(
                    Finding(
                        "pip-programs",
                        "/usr/local/bin",
                        f"programs of these packages: {', '.join(map(os.path.basename, scripts))}",
                        "they come before the box's programs of the same names, and fail without their packages",
                        "mv them away",
                        True,
                        paths=scripts,
                    )
                )
    return findings


def _scripts(host, folder, infos):
    """The files in /usr/local/bin that the packages' RECORDs name and that are there."""
    found = set()
    for info in infos:
        for row in host.text(f"{folder}/{info}/RECORD").splitlines():
            path = os.path.normpath(os.path.join(folder, row.split(",", 1)[0]))
            if path.startswith("/usr/local/bin/") and host.exists(path):
                found.add(path)
    return sorted(found)


def _jupyter(host):
    """Jupyter's settings for the whole system, and root's where they open the server."""
    findings = []
    for path, what in (
        ("/usr/local/etc/jupyter", "settings of Jupyter for the whole system"),
        ("/usr/local/share/jupyter", "kernels and extensions of Jupyter for the whole system"),
    ):
        if host.names(path):
            findings.append(
                Finding(
                    "jupyter-system",
                    path,
                    what,
                    "the box's Jupyter reads it too, and has neither these extensions nor what these kernels need",
                    f"mv {path} away",
                    True,
                    paths=[path],
                )
            )
    for name in host.names("/root/.jupyter"):
        path = "/root/.jupyter/" + name
        if not re.fullmatch(r"jupyter_\w+_config\.(py|json)", name):
            continue
        opened = bool(_OPEN_SERVER.search(host.text(path)))
        findings.append(
            Finding(
                "jupyter-config",
                path,
                "root's settings of the notebook server"
                + (", which open it to the network or without a token" if opened else ""),
                "a server that root starts, the box's too, would be open to whoever reaches the host"
                if opened
                else "not in the way",
                f"mv {path} away" if opened else "none needed",
                opened,
                MOVE if opened else NOTHING,
                [path],
            )
        )
    return findings


def _cuda(host):
    """A CUDA toolkit that no package has: NVIDIA's runfile put it there."""
    findings = []
    for name in host.names("/usr/local"):
        path = "/usr/local/" + name
        if not re.fullmatch(r"cuda-\d+(\.\d+)?", name) or host.link(path) or host.owned(path):
            continue
        paths = [path]
        if host.resolve("/usr/local/cuda") == path:
            paths.insert(0, "/usr/local/cuda")
        paths += [
            f"/etc/ld.so.conf.d/{conf}"
            for conf in host.names("/etc/ld.so.conf.d")
            if f"{path}/" in host.text(f"/etc/ld.so.conf.d/{conf}") and not host.owned(f"/etc/ld.so.conf.d/{conf}")
        ]
        findings.append(
            Finding(
                "cuda-runfile",
                path,
                f"a CUDA toolkit in {path} that no package has (a runfile's)",
                "packages of the same toolkit would be unpacked over it, and neither could be taken away whole",
                f"{path}/bin/cuda-uninstaller, or mv {path} away",
                True,
                paths=paths,
            )
        )
    return findings


def _environment(host):
    """Lines that put CUDA's folders on the paths of every program."""
    files = [path for path in _SYSTEM_ENVIRONMENT if host.exists(path)]
    files += [
        f"/etc/profile.d/{name}"
        for name in host.names("/etc/profile.d")
        if name.endswith(".sh") and "mlinabox" not in name
    ]
    files += [f"{home}/{name}" for home in host.homes() for name in _ENVIRONMENT_FILES if host.exists(f"{home}/{name}")]
    findings = []
    for path in files:
        lines = [line for line in host.text(path).splitlines() if _CUDA_LINE.search(line)]
        # What a package brought is the package's affair.
        if not lines or (path.startswith("/etc/profile.d/") and host.owned(path)):
            continue
        findings.append(
            Finding(
                "cuda-environment",
                path,
                f"{path} sets paths to /usr/local/cuda: {lines[0].strip()}",
                "with LD_LIBRARY_PATH the stack's wheels load these libraries in place of their own"
                if any("LD_LIBRARY_PATH" in line for line in lines)
                else "programs of another CUDA than the box's come first",
                f"delete these {len(lines)} lines from {path}" if len(lines) > 1 else f"delete this line from {path}",
                True,
                STRIP,
                [path],
                lines,
            )
        )
    return findings


def _cmake(host):
    """CMake built from source."""
    path = "/usr/local/bin/cmake"
    if not host.exists(path) or host.link(path) or not host.read(path).startswith(b"\x7fELF"):
        return []
    return [
        Finding(
            "cmake-local",
            path,
            "a CMake that was built from source",
            "not in the way; it comes before the release's on PATH",
            "none needed; it was installed with `make install`, whose install_manifest.txt names its files",
            False,
            NOTHING,
            [path],
        )
    ]
