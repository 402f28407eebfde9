"""The role mlbox copies files of the collection: what they import of it must come along."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
MODULES = yaml.safe_load((ROOT / "roles" / "mlbox" / "vars" / "main.yml").read_text())["__mlbox_modules"]


def imported(text):
    """Names of the neighbours that a module's text imports, anywhere in it (set of str)."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            found.update([node.module] if node.module else [alias.name for alias in node.names])
    return found


def test_both_ways_to_import_are_seen():
    assert imported("from . import _a\ndef f():\n    from ._b import c\nimport os\nfrom os import path\n") == {
        "_a",
        "_b",
    }


@pytest.mark.parametrize("name", MODULES)
def test_what_a_module_imports_is_copied_too(name):
    text = (ROOT / "plugins" / "module_utils" / f"{name}.py").read_text()
    assert imported(text) - set(MODULES) == set()
