# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables that a host sets for everybody, read without running anything."""

from __future__ import annotations

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _login_variables
from ansible_collections.mlinabox.core.tests.unit.plugins.module_utils.hosts import lay_out


@pytest.mark.parametrize(
    ("text", "folders"),
    [
        ("LD_LIBRARY_PATH=/usr/local/cuda/lib64", ["/usr/local/cuda/lib64"]),
        ('LD_LIBRARY_PATH="/a:/b/"', ["/a", "/b"]),
        ("export LD_LIBRARY_PATH=/a:$LD_LIBRARY_PATH\n", ["/a"]),
        # As NVIDIA's installation guide has it.
        ("export LD_LIBRARY_PATH=/a/lib64${LD_LIBRARY_PATH:+:${LD_LIBRARY_PATH}}\n", ["/a/lib64"]),
        ("CUDA_HOME=/usr/local/cuda\nexport LD_LIBRARY_PATH=${CUDA_HOME}/lib64:$CUDA_HOME/x\n",
         ["/usr/local/cuda/lib64", "/usr/local/cuda/x"]),
        ("LD_LIBRARY_PATH=/a; export LD_LIBRARY_PATH\n", ["/a"]),
        ("if [ -d /a ]; then export LD_LIBRARY_PATH=/a; fi\n", ["/a"]),
        ("# export LD_LIBRARY_PATH=/a\n", []),
        ("export PATH=/usr/local/cuda/bin:$PATH\n", []),
        ("export LD_LIBRARY_PATH=relative:$HOME/lib:/a\n", ["/a"]),
        ("export LD_LIBRARY_PATH=\n", []),
        ("export MY_LD_LIBRARY_PATH=/a\n", []),
    ],
)  # fmt: skip
def test_folders_of_a_profile(tmp_path, text, folders):
    root = lay_out(tmp_path, {"/etc/profile.d/cuda.sh": text})
    found = _login_variables.folders(_login_variables.look(root))
    assert found == ([{"file": "/etc/profile.d/cuda.sh", "folders": folders}] if folders else [])


def test_every_file_that_a_login_reads(tmp_path):
    root = lay_out(
        tmp_path,
        {
            "/etc/environment": "PATH=/usr/bin\nLD_LIBRARY_PATH=/a\n",
            "/etc/security/pam_env.conf": "LD_LIBRARY_PATH DEFAULT=/b\n#LD_LIBRARY_PATH DEFAULT=/no\n",
            "/etc/profile.d/x.sh": "export LD_LIBRARY_PATH=/c\n",
            "/etc/profile.d/x.csh": "setenv LD_LIBRARY_PATH /no\n",
            "/etc/environment.d/90-x.conf": "LD_LIBRARY_PATH=/d\n",
        },
    )
    found = _login_variables.folders(_login_variables.look(root))
    assert [folder for entry in found for folder in entry["folders"]] == ["/a", "/b", "/c", "/d"]
    assert found[0]["file"] == "/etc/environment"


def test_other_variables_too(tmp_path):
    root = lay_out(tmp_path, {"/etc/environment": "CUDA_VISIBLE_DEVICES=-1\nX='a b'\n"})
    assert [(one["name"], one["value"]) for one in _login_variables.look(root)] == [
        ("CUDA_VISIBLE_DEVICES", "-1"),
        ("X", "a b"),
    ]
