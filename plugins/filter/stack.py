# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters over stack_data. What they mean stands in the YAML file of each."""

from __future__ import annotations

from ansible.errors import AnsibleFilterError

from ..plugin_utils._stack_view import choose_variant, environments, with_own


def stack_variant(stack, asked, kind):
    try:
        return choose_variant(stack, asked, kind)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from None


def stack_environments(stack, variant, own=(), python=""):
    try:
        return with_own(environments(stack, variant), own, python)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    """The collection's filters."""

    def filters(self):
        return {
            "stack_variant": stack_variant,
            "stack_environments": stack_environments,
        }
