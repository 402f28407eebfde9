# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The text of modules of this collection, wherever they were loaded from, to be run or kept as files of their own.

On a host they come in the archive that Ansible sends with a module, on the controller from files.
"""

from __future__ import annotations

import ast
import importlib


def source_of(module):
    """Return the text of a module that is loaded. The controller's loader gives bytes."""
    source = module.__loader__.get_source(module.__name__)
    return source.decode("utf-8") if isinstance(source, bytes) else source


def with_neighbours(module):
    """Return {name: text} of a module and of all that it imports, directly or not, from the folder that it lies in."""
    package = module.__name__.rpartition(".")[0]
    found, waiting = {}, [module.__name__.rpartition(".")[2]]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = source_of(importlib.import_module(f"{package}.{name}"))
            waiting += neighbours(found[name])
    return found


def neighbours(text):
    """Return the names of the neighbours that a module's text imports, anywhere in it (set of str)."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            found.update([node.module] if node.module else [alias.name for alias in node.names])
    return found
