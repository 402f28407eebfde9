"""Unit tests import the collection by its own name, as Ansible does, from this checkout."""

from __future__ import annotations

from pathlib import Path

from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder
from hypothesis import settings

_REPOSITORY = Path(__file__).resolve().parents[2]

# PyPI's `ansible` package brings a directory `ansible_collections` of its own, so sys.path alone would not find ours.
_AnsibleCollectionFinder(paths=[str(_REPOSITORY / "collections")], scan_sys_paths=False)._install()

# The whole matrix asks for "many"; all the others have a minute for all unit tests together. A machine that is busy
# is no error.
settings.register_profile("few", max_examples=40, deadline=None)
settings.register_profile("many", max_examples=200, deadline=None)
settings.load_profile("few")
