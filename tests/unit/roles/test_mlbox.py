"""The role mlbox copies files of the collection: what they import of it must come along."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.mlinabox.core.plugins.module_utils._own_source import neighbours

ROOT = Path(__file__).resolve().parents[3]
MODULES = yaml.safe_load((ROOT / "roles" / "mlbox" / "vars" / "main.yml").read_text())["__mlbox_modules"]


@pytest.mark.parametrize("name", MODULES)
def test_what_a_module_imports_is_copied_too(name):
    text = (ROOT / "plugins" / "module_utils" / f"{name}.py").read_text()
    assert neighbours(text) - set(MODULES) == set()
