# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Removing an environment."""

from __future__ import annotations

import os
import shutil

from ._launcher import remove_links
from ._request import PipLockError
from ._run_lock import LockTimeoutError, RunLock


def remove_environment(environment, request, check_mode):
    """Remove all generations and the launchers. Refuses where programs still run from one: InUseError.

    Returns the module's result. Raises PipLockError where another run does not end.
    """
    result = {"changed": os.path.isdir(environment.directory), "generation": "", "summary": "nothing to do"}
    if not result["changed"]:
        return result
    ids = environment.all_ids()
    result["summary"] = f"{len(ids)} generations to remove"
    result["diff"] = {"before": "".join(f"{name}\n" for name in ids), "after": ""}
    if check_mode:
        return result
    try:
        with RunLock(os.path.join(environment.directory, "run.lock"), request.lock_timeout):
            # Another run may have made or removed some while this one waited.
            ids = environment.all_ids()
            current = environment.current_id()
            if current:
                os.unlink(environment.link)
            try:
                # Where one is used all of them stay, as what to go back to.
                for generation in ids:
                    with environment.unused(generation):
                        pass
                for generation in ids:
                    environment.remove(generation)
            except Exception:
                if current and os.path.isdir(environment.path(current)):
                    environment.switch(current)
                raise
            remove_links(environment, request.launchers)
            shutil.rmtree(environment.directory)
    except LockTimeoutError as error:
        raise PipLockError(str(error)) from error
    return result
