"""Make tests/mirror importable as its programs do."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "mirror"))


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache of the mirror's own, empty (Path)."""
    from mirroring import archive, debs, distribution, making, recipes, wheels

    folder = tmp_path / "cache"
    for module in (distribution, making, recipes, wheels):
        monkeypatch.setattr(module, "CACHE", folder)
    for module in (archive, making):
        monkeypatch.setattr(module, "SERVED", folder / "served")
    monkeypatch.setattr(debs, "POOL", folder / "pool")
    return folder
