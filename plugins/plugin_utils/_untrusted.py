# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Data of others as Ansible's variables: never a template, whatever stands in it."""

from __future__ import annotations

from ansible.utils.unsafe_proxy import wrap_var


def untrusted(value):
    """Return plain data, marked so that Ansible does not evaluate it.

    Up to ansible-core 2.18 strings are templates unless they are marked as unsafe. From 2.19 on they are none unless
    they are marked as trusted, and this takes such a mark away.
    """
    return wrap_var(value)
