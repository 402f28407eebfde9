# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists of Paperspace's API, page after page. Pure; no Ansible import.

A page is `{hasMore, items, nextPage}`; `nextPage` is the `after` of the next one.
"""

from __future__ import annotations

from ._paperspace_errors import ApiError

#: The most that the API gives at a time.
LIMIT = 120
#: 120 000 things. A list that is longer does not end.
MOST = 1000


def collect(fetch, what):
    """Return all items (list of dict) of a list.

    fetch: gives a page for a cursor, None for the first; what: the list's name. ApiError where a page is none, has come
    before, or the list does not end: half a list would be taken for all of it.
    """
    items, seen, cursors, cursor = [], set(), set(), None
    for _count in range(MOST):
        page = fetch(cursor)
        here = _items(page, what)
        new = [item for item in here if item["id"] not in seen]
        # What comes into being meanwhile moves single items from page to page; a whole page is never moved.
        if here and not new:
            raise ApiError(f"{what}: the API gave a page of the list twice (after={cursor}).")
        seen.update(item["id"] for item in new)
        items += new
        if not page["hasMore"]:
            return items
        cursor = page.get("nextPage")
        if not isinstance(cursor, str) or not cursor:
            raise ApiError(f"{what}: the API says that there are more, and not where (nextPage is {cursor!r}).")
        if cursor in cursors:
            raise ApiError(f"{what}: the API goes round in a circle, its next page is {cursor!r} once more.")
        cursors.add(cursor)
    raise ApiError(f"{what}: the list does not end after {MOST} pages.")


def _items(page, what):
    if not isinstance(page, dict) or not isinstance(page.get("items"), list) or "hasMore" not in page:
        raise ApiError(f"{what}: the answer is no page of a list. Is api_url the address of the v1 API?")
    for item in page["items"]:
        if not isinstance(item, dict) or not isinstance(item.get("id"), str) or not item["id"]:
            raise ApiError(f"{what}: the list holds something without an id.")
    return page["items"]
