# Copyright: (c) 2026, The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the old script left is named; what it did not leave is not."""

from __future__ import annotations

import hashlib

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _adoption, _nvidia_keys, _openpgp

#: A path -> content; content that begins with "-> " is a link, None an empty folder. What any Debian 11 has.
CLEAN = {
    "/usr/bin/python3": "-> python3.9",
    "/usr/bin/python3.9": "\x7fELF",
    "/usr/share/python3/debian_defaults": "[DEFAULT]\n# the default python3 version\ndefault-version = python3.9\n",
    "/usr/local/lib/python3.9/dist-packages": None,
    "/usr/local/bin": None,
    "/etc/apt/sources.list": "deb http://deb.example.org/debian bullseye main\n",
    "/etc/passwd": "root:x:0:0::/root:/bin/bash\nbin:x:2:2::/bin:/bin/sh\nada:x:1000:1000::/home/ada:/bin/bash\n",
    "/root/.bashrc": "alias ll='ls -l'\n# export PATH=/usr/local/cuda/bin:$PATH\n",
    "/etc/profile.d/mlinabox.sh": "PATH=$PATH:/usr/local/cuda/bin\n",
    "/var/lib/dpkg/info/cuda-toolkit-12-1.list": "/.\n/usr/local\n/usr/local/cuda-12.1\n",
    "/usr/local/cuda-12.1/bin": None,
}


def plant(root, files):
    """Make a tree of files below root."""
    for path, content in files.items():
        real = root / path.lstrip("/")
        real.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            real.mkdir(parents=True, exist_ok=True)
        elif isinstance(content, bytes):
            real.write_bytes(content)
        elif content.startswith("-> "):
            if real.is_symlink() or real.exists():
                real.unlink()
            real.symlink_to(content[3:])
        else:
            real.write_text(content)
    return _adoption.Host(str(root))


def key_packet(body, new=False):
    """An OpenPGP public-key packet with an old or a new header."""
    if new:
        return b"\xc6" + bytes([len(body)]) + body
    return b"\x99" + len(body).to_bytes(2, "big") + body


def fingerprint(body):
    return hashlib.sha1(b"\x99" + len(body).to_bytes(2, "big") + body).hexdigest().upper()


KEY, OTHER = b"\x04" + b"k" * 60, b"\x04" + b"o" * 70


@pytest.fixture(autouse=True)
def vendors(monkeypatch):
    """NVIDIA's real keys are not in the tree; a made one stands for them."""
    monkeypatch.setattr(_nvidia_keys, "FINGERPRINTS", {"1a2b3c4d": fingerprint(KEY)})


DIST = "/usr/local/lib/python3.9/dist-packages"
DEADSNAKES = "deb http://ppa.launchpad.net/deadsnakes/ppa/ubuntu focal main"
NVIDIA = "deb https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2004/x86_64/ /"
DEB822 = "Types: deb\nURIs: https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2004/x86_64/\nSuites: /"
#: As NVIDIA's file has it.
PIN_600 = """\
Package: nsight-compute
Pin: origin *ubuntu.com*
Pin-Priority: -1

Package: nsight-systems
Pin: origin *ubuntu.com*
Pin-Priority: -1

Package: *
Pin: release l=NVIDIA CUDA
Pin-Priority: 600
"""

#: name: (what is planted besides, [(code, path, action)] that is found)
CASES = {
    "a fresh machine": ({}, []),
    "python3 led to another interpreter": (
        {"/usr/bin/python3": "-> python3.11", "/usr/bin/python3.11": "\x7fELF"},
        [("python3-link", "/usr/bin/python3", "relink")],
    ),
    "python3 led away by update-alternatives": (
        {"/usr/bin/python3": "-> /etc/alternatives/python3", "/etc/alternatives/python3": "-> /usr/bin/python3.8"},
        [("python3-link", "/usr/bin/python3", "relink")],
    ),
    "python3 led through an alternative to the release's": (
        {"/usr/bin/python3": "-> /etc/alternatives/python3", "/etc/alternatives/python3": "-> /usr/bin/python3.9"},
        [],
    ),
    "the release's interpreter is gone": (
        {
            "/usr/bin/python3": "-> python3.11",
            "/usr/share/python3/debian_defaults": "default-version = python3.8\n",
        },
        [("python3-link", "/usr/bin/python3", "")],
    ),
    "links in /usr/local/bin": (
        {"/usr/local/bin/python": "-> /usr/bin/python3.9", "/usr/local/bin/python3": "-> /usr/bin/python3.9"},
        [
            ("local-python-link", "/usr/local/bin/python3", "move"),
            ("local-python-link", "/usr/local/bin/python", "move"),
        ],
    ),
    "the box's own python": ({"/usr/local/bin/python": "-> /opt/mlinabox/bin/python"}, []),
    "deadsnakes in a file of its own": (
        {"/etc/apt/sources.list.d/deadsnakes.list": f"{DEADSNAKES}\n# deb-src\n"},
        [("deadsnakes-source", "/etc/apt/sources.list.d/deadsnakes.list", "move")],
    ),
    "NVIDIA in the common file": (
        {"/etc/apt/sources.list": f"deb http://deb.example.org/debian bullseye main\n{NVIDIA}\n"},
        [("nvidia-source", "/etc/apt/sources.list", "strip")],
    ),
    "a source that is commented out": ({"/etc/apt/sources.list.d/cuda.list": f"# {NVIDIA}\n"}, []),
    "what the package cuda-keyring brings": (
        {
            "/etc/apt/sources.list.d/cuda-ubuntu2004-x86_64.list": NVIDIA.replace("deb ", "deb [signed-by=/x.gpg] "),
            "/etc/apt/preferences.d/cuda-repository-pin-600": PIN_600,
        },
        [
            ("nvidia-source", "/etc/apt/sources.list.d/cuda-ubuntu2004-x86_64.list", "move"),
            ("nvidia-pin", "/etc/apt/preferences.d/cuda-repository-pin-600", "move"),
        ],
    ),
    "NVIDIA in a deb822 file": (
        {"/etc/apt/sources.list.d/cuda.sources": f"# of a person\n{DEB822}\n\n{DEB822}\n"},
        [("nvidia-source", "/etc/apt/sources.list.d/cuda.sources", "move")],
    ),
    "NVIDIA in a deb822 file with others": (
        {"/etc/apt/sources.list.d/all.sources": f"{DEB822}\n\nTypes: deb\nURIs: http://deb.example.org/debian\n"},
        [("nvidia-source", "/etc/apt/sources.list.d/all.sources", "")],
    ),
    "a deb822 source that is switched off": (
        {"/etc/apt/sources.list.d/cuda.sources": f"{DEB822}\nEnabled: no\n"},
        [],
    ),
    "this product's own": (
        {
            "/etc/apt/sources.list.d/mlinabox-nvidia-cuda.sources": DEB822,
            "/etc/apt/preferences.d/mlinabox-nvidia-cuda.pref": PIN_600,
        },
        [],
    ),
    "a local installer's archive": (
        {"/etc/apt/sources.list.d/cuda-local.list": "deb file:///var/cuda-repo-ubuntu2004-11-7-local /\n"},
        [("nvidia-local-source", "/etc/apt/sources.list.d/cuda-local.list", "move")],
    ),
    "the container toolkit's": (
        {"/etc/apt/sources.list.d/ctk.list": "deb https://nvidia.github.io/libnvidia-container/stable/deb/amd64 /\n"},
        [("nvidia-container-source", "/etc/apt/sources.list.d/ctk.list", "move")],
    ),
    "a pin of NVIDIA's among others": (
        {"/etc/apt/preferences": f"{PIN_600}\nPackage: jq\nPin: version 1.6*\nPin-Priority: 900\n"},
        [("nvidia-pin", "/etc/apt/preferences", "")],
    ),
    "pins of others": ({"/etc/apt/preferences.d/jq": "Package: jq\nPin: version 1.6*\nPin-Priority: 900\n"}, []),
    "two archives in one file": (
        {"/etc/apt/sources.list.d/mixed.list": f"{DEADSNAKES}\n{NVIDIA}\n"},
        [
            ("deadsnakes-source", "/etc/apt/sources.list.d/mixed.list", "strip"),
            ("nvidia-source", "/etc/apt/sources.list.d/mixed.list", "strip"),
        ],
    ),
    "NodeSource is named, not moved": (
        {"/etc/apt/sources.list.d/nodesource.list": "deb https://nodesource.example.org/node_16.x focal main\n"},
        [("nodesource-source", "/etc/apt/sources.list.d/nodesource.list", "")],
    ),
    "NVIDIA's key alone": (
        {"/etc/apt/trusted.gpg": key_packet(KEY)},
        [("apt-key", "/etc/apt/trusted.gpg", "move")],
    ),
    "NVIDIA's key among others": (
        {"/etc/apt/trusted.gpg": key_packet(OTHER, new=True) + b"\xb4\x01u" + key_packet(KEY)},
        [("apt-key", "/etc/apt/trusted.gpg", "unkey")],
    ),
    "NVIDIA's key in the folder beside it": (
        {
            "/etc/apt/trusted.gpg.d/cuda.asc": _openpgp.armored(key_packet(KEY)),
            "/etc/apt/trusted.gpg.d/debian.gpg": key_packet(OTHER),
        },
        [("apt-key", "/etc/apt/trusted.gpg.d/cuda.asc", "move")],
    ),
    "others' keys": ({"/etc/apt/trusted.gpg": key_packet(OTHER)}, []),
    "packages with programs": (
        {
            f"{DIST}/jupyter_core-4.11.1.dist-info/RECORD": "../../../bin/jupyter,sha256=x,1\n../../../bin/gone,,\n",
            "/usr/local/bin/jupyter": "#!/usr/bin/python3.9\n",
            "/usr/local/bin/of-a-person": "#!/usr/bin/python3.9\n",
        },
        [("pip-packages", DIST, "move"), ("pip-programs", "/usr/local/bin", "move")],
    ),
    "an egg": (
        {"/usr/local/lib/python3.11/dist-packages/future-0.18.2.egg-info": None},
        [("pip-packages", "/usr/local/lib/python3.11/dist-packages", "move")],
    ),
    "a kernel for everybody": (
        {"/usr/local/share/jupyter/kernels/python3/kernel.json": "{}"},
        [("jupyter-system", "/usr/local/share/jupyter", "move")],
    ),
    "root's server open to the network": (
        {"/root/.jupyter/jupyter_notebook_config.py": "c.NotebookApp.ip = '0.0.0.0'\n"},
        [("jupyter-config", "/root/.jupyter/jupyter_notebook_config.py", "move")],
    ),
    "root's server without a token": (
        {"/root/.jupyter/jupyter_server_config.json": '{"ServerApp": {"token": ""}}'},
        [("jupyter-config", "/root/.jupyter/jupyter_server_config.json", "move")],
    ),
    "root's server as it comes": (
        {"/root/.jupyter/jupyter_server_config.py": "# c.ServerApp.ip = '0.0.0.0'\nc.ServerApp.port = 8889\n"},
        [("jupyter-config", "/root/.jupyter/jupyter_server_config.py", "")],
    ),
    "a runfile's CUDA": (
        {
            "/usr/local/cuda-11.7/version.json": "{}",
            "/usr/local/cuda": "-> cuda-11.7",
            "/etc/ld.so.conf.d/cuda-11-7.conf": "/usr/local/cuda-11.7/targets/x86_64-linux/lib\n",
        },
        [("cuda-runfile", "/usr/local/cuda-11.7", "move")],
    ),
    "CUDA on root's and a person's paths": (
        {
            "/root/.bashrc": "export PATH=/usr/local/cuda-11.7/bin:$PATH\n",
            "/home/ada/.bashrc": "x=1\nexport LD_LIBRARY_PATH=/usr/local/cuda/lib64\n",
        },
        [("cuda-environment", "/home/ada/.bashrc", "strip"), ("cuda-environment", "/root/.bashrc", "strip")],
    ),
    "CUDA in /etc/environment": (
        {"/etc/environment": 'PATH="/usr/bin:/usr/local/cuda/bin"\n'},
        [("cuda-environment", "/etc/environment", "strip")],
    ),
    "a CMake from source is named": (
        {"/usr/local/bin/cmake": "\x7fELF"},
        [("cmake-local", "/usr/local/bin/cmake", "")],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_finds_just_what_is_there(tmp_path, name):
    planted, expected = CASES[name]
    host = plant(tmp_path, {**CLEAN, **planted})
    found = _adoption.find(host)
    assert [(finding.code, finding.path, finding.action) for finding in found] == expected
    for finding in found:
        assert finding.what and finding.why and finding.cure
        assert finding.in_the_way or not finding.action


def test_two_kinds_are_the_old_script_and_one_is_not(tmp_path):
    one = plant(tmp_path / "one", {**CLEAN, "/usr/local/cuda-11.7/version.json": "{}"})
    links = {"/usr/local/bin/python": "-> /usr/bin/python3.9", "/usr/local/cuda-11.7/version.json": "{}"}
    two = plant(tmp_path / "two", {**CLEAN, **links})
    assert not _adoption.recognised(_adoption.find(one))
    assert _adoption.recognised(_adoption.find(two))
    assert "not the old script's" in _adoption.report(_adoption.find(one))[0]
    assert len(_adoption.report(_adoption.find(two))) == 3
    assert _adoption.report([]) == []


def test_nvidias_own_instructions_are_one_kind(tmp_path):
    host = plant(tmp_path, {**CLEAN, **CASES["what the package cuda-keyring brings"][0]})
    assert not _adoption.recognised(_adoption.find(host))


def test_a_mirror_is_nvidias_archive_where_it_is_said_to_be(tmp_path):
    line = "deb http://mirror.example.org/cuda/ubuntu2004/x86_64/ /\n"
    host = plant(tmp_path, {**CLEAN, "/etc/apt/sources.list.d/mirror.list": line})
    assert _adoption.find(host) == []
    (finding,) = _adoption.find(host, archives=["http://mirror.example.org/cuda/"])
    assert (finding.code, finding.action) == ("nvidia-source", "move")
    host = plant(tmp_path, {"/etc/apt/sources.list.d/mirror.list": "deb file:/srv/cuda/debian12/x86_64 /\n"})
    assert [finding.code for finding in _adoption.find(host, archives=["file:///srv/cuda/"])] == ["nvidia-source"]


def test_a_runfiles_cuda_goes_with_its_link_and_its_libraries(tmp_path):
    host = plant(tmp_path, {**CLEAN, **CASES["a runfile's CUDA"][0]})
    (finding,) = _adoption.find(host)
    assert finding.paths == ["/usr/local/cuda", "/usr/local/cuda-11.7", "/etc/ld.so.conf.d/cuda-11-7.conf"]


@pytest.mark.parametrize(
    "data",
    [b"", b"\x00", b"\x99", b"\x99\xff\xff\x04", b"\xc6\xff", b"\xc6\xe0", b"\x9b\x04", b"GPG keybox", b"\xc6\xc1"],
    ids=repr,
)
def test_a_damaged_keyring_has_no_keys(data):
    assert _openpgp.readable_fingerprints(data) == []


def test_links_that_go_in_circles_end(tmp_path):
    host = plant(tmp_path, {"/a": "-> b", "/b": "-> a"})
    assert host.resolve("/a") in ("/a", "/b")
