# Copyright: (c) 2026, the ML in a Box contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom a smoke check runs as, and the home and the variables it finds there."""

from __future__ import annotations

import os
import pwd


def find_owner(user):
    """The account that checks run as: user's where we are root, else our own. Raises ValueError where there is none."""
    if os.geteuid():
        return pwd.getpwuid(os.geteuid())
    try:
        return pwd.getpwnam(user)
    except KeyError:
        raise ValueError(f"user '{user}', as whom the smoke checks run, is not on this machine") from None


def make_home(home, owner):
    """Makes the home, which nobody but its owner may enter, with the folders that programs expect in one."""
    for folder in ("", "tmp", ".run", ".cache", ".config"):
        path = os.path.join(home, folder)
        os.mkdir(path, 0o700)
        if not os.geteuid():
            os.chown(path, owner.pw_uid, owner.pw_gid)


def environment(home: str, python: str, owner: pwd.struct_passwd, threads: int) -> dict[str, str]:
    """The only variables a check sees: everything that programs write goes below its home, nothing asks a network."""
    one_for_all = str(threads)
    return {
        "PATH": f"{os.path.dirname(os.path.abspath(python))}:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "USER": owner.pw_name,
        "LOGNAME": owner.pw_name,
        "SHELL": "/bin/sh",
        "HOME": home,
        "TMPDIR": os.path.join(home, "tmp"),
        "XDG_CACHE_HOME": os.path.join(home, ".cache"),
        "XDG_CONFIG_HOME": os.path.join(home, ".config"),
        "XDG_DATA_HOME": os.path.join(home, ".local/share"),
        "XDG_STATE_HOME": os.path.join(home, ".local/state"),
        "XDG_RUNTIME_DIR": os.path.join(home, ".run"),
        "MPLCONFIGDIR": os.path.join(home, ".config/matplotlib"),
        "MPLBACKEND": "Agg",
        "PYTHONNOUSERSITE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": one_for_all,
        "OPENBLAS_NUM_THREADS": one_for_all,
        "MKL_NUM_THREADS": one_for_all,
        "TF_CPP_MIN_LOG_LEVEL": "2",
        # Two checks share one GPU: neither may take all of its memory at once.
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "WANDB_MODE": "offline",
        "WANDB_SILENT": "true",
        "DO_NOT_TRACK": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
