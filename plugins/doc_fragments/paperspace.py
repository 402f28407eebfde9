# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What the modules and the inventory plugin for Paperspace have in common."""

    # How the API is reached.
    DOCUMENTATION = r"""
options:
  api_key:
    description:
      - The key of a team, made in Paperspace's console. It is shown in no result, message or log.
      - Where it is not given, it is taken from E(PAPERSPACE_API_KEY).
    type: str
  api_url:
    description:
      - The address of the v1 API, which begins with C(https); C(http) is for addresses of the machine itself.
      - Where it is not given, it is taken from E(PAPERSPACE_API_URL).
    type: str
    default: https://api.paperspace.com/v1
  api_timeout:
    description: Seconds in which one answer has to be there.
    type: int
    default: 30
notes:
  - An answer 429 is waited out as long as it asks for (three minutes at the most), and what fails in passing (5xx, a
    connection that breaks, half an answer) is asked for again, six times in all. What must not be done twice is looked
    for first.
  - Regions are understood as V(ny2) and as V(East Coast (NY2\)).
"""

    # Of all modules.
    MODULE = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/mlinabox.core.paperspace) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - mlinabox.core.paperspace
notes:
  - Runs where the API is reached from, as a rule with C(delegate_to=localhost). The environment variables are those of
    the host that it runs on.
"""

    # The same in the inventory plugin, whose options know the environment by themselves.
    PLUGIN = r"""
options:
  api_key:
    env:
      - name: PAPERSPACE_API_KEY
  api_url:
    env:
      - name: PAPERSPACE_API_URL
"""

    # Of modules that wait.
    WAIT = r"""
options:
  wait:
    description: Whether to wait until what was asked for is there. Otherwise it is only begun.
    type: bool
    default: true
  wait_timeout:
    description: Seconds after which the waiting ends in a failure that says how things stand. What was begun goes on.
    type: int
    default: 1800
  wait_interval:
    description: Seconds between two looks.
    type: float
    default: 5.0
"""

    # Of modules that change something.
    CHANGES = r"""
options: {}
attributes:
  check_mode:
    description: Says what would be done; asks the API, and changes nothing.
    support: full
  diff_mode:
    description: The fields that change, before and after.
    support: full
"""
