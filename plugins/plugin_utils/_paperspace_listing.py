# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the inventory plugin asks Paperspace for, in a form that Ansible's cache can keep. No Ansible import."""

from __future__ import annotations

import hashlib

from ..module_utils._paperspace_errors import ApiError


def fetch(api, with_templates, with_networks, tell):
    """Return the listing (dict of plain data): machines, and where they are wanted their networks and templates.

    tell: called with a line where the key may not see something that is not needed by all means.
    """
    machines = api.all("machines")
    listing = {"machines": machines, "networks": None, "templates": None}
    if with_networks:
        # Nobody is in a network: nothing to ask.
        asked = any(machine.get("networkId") for machine in machines)
        listing["networks"] = _optional(api, "private-networks", tell) if asked else []
    if with_templates:
        listing["templates"] = _optional(api, "custom-templates", tell) if machines else []
    return listing


def is_usable(listing, with_templates, with_networks):
    """Tell whether a listing from a cache is one, and has what is wanted now."""
    if not isinstance(listing, dict) or not _are_things(listing.get("machines")):
        return False
    networks, templates = listing.get("networks"), listing.get("templates")
    return (not with_networks or _are_things(networks)) and (not with_templates or _are_things(templates))


def cache_key(key, api_key, api_url):
    """Return a cache's key that is another one for another team or another API, and says nothing of the API's key."""
    digest = hashlib.sha256(f"{api_url}\0{api_key}".encode()).hexdigest()
    return f"{key}_{digest[:8]}"


def _optional(api, name, tell):
    try:
        return api.all(name)
    except ApiError as error:
        if error.status not in (403, 404):
            raise
        tell(f"{error} The inventory does without {name}.")
        return []


def _are_things(things):
    return isinstance(things, list) and all(isinstance(one, dict) and isinstance(one.get("id"), str) for one in things)
