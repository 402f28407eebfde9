# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Back to a generation that was live before."""

from __future__ import annotations

import os

from ._inspection import inspect
from ._launcher import write_launcher
from ._request import PipLockError
from ._run_lock import LockTimeoutError, RunLock


def roll_back(environment, request, target, check_mode):
    """Make a kept generation the live one: `target`, or the one before. Verifies it first; needs no network.

    Returns the module's result. Raises PipLockError.
    """
    result = _plan(environment, request, target)
    if check_mode or not result["changed"]:
        return result
    try:
        with RunLock(os.path.join(environment.directory, "run.lock"), request.lock_timeout):
            target = result["generation"]
            if environment.current_id() != result["previous"] or target not in environment.proved_ids():
                # Another run made another one live while this one waited, or removed what it was to go back to.
                result = _plan(environment, request, target)
            write_launcher(environment)
            environment.switch(target)
    except LockTimeoutError as error:
        raise PipLockError(str(error)) from error
    return result


def _plan(environment, request, target):
    """Return the module's result as it would be. Raises PipLockError where the target cannot go live."""
    current = environment.current_id()
    target = target or environment.previous_id()
    kept = environment.proved_ids()
    if not target:
        raise PipLockError(
            f"environment {environment.name}: there is no generation before {current or 'the first'}; "
            f"kept are: {', '.join(kept) or 'none'}"
        )
    if target not in kept:
        raise PipLockError(
            f"environment {environment.name}: no proved generation {target}; kept are: {', '.join(kept) or 'none'}"
        )
    result = {
        "changed": target != current,
        "generation": target,
        "previous": current,
        "diff": {"before": f"{current}\n", "after": f"{target}\n"},
        "summary": f"from {current or 'nothing'} back to {target}",
    }
    if target == current:
        return result
    path = environment.path(target)
    state = environment.state(target)
    installed, damaged = inspect(path, request.integrity)
    failures = [f"{name or 'the environment itself'}: {what}" for name, what in damaged.items()]
    failures += [
        f"{name}: recorded {version}, installed {installed.get(name) or 'nothing'}"
        for name, version in state.get("packages", {}).items()
        if installed.get(name) != version
    ]
    if not os.path.exists(os.path.join(path, "bin", "python")):
        failures.append(f"its interpreter {state.get('python')} is gone")
    if failures:
        raise PipLockError(
            f"environment {environment.name}: {target} is no longer what was proved, so it does not go live: "
            f"{'; '.join(failures)}. Choose another (kept are: {', '.join(kept)}), or run the playbook site",
            failures=failures,
        )
    return result
