# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stand-in for Paperspace's API, and modules run against it in this process."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import json
import sys
from pathlib import Path

import pytest

_FOLDER = Path(__file__).resolve().parents[3] / "paperspace_api"


def _stand_in():
    """Import tests/paperspace_api by its own name: the folder around it has many that must not be on sys.path."""
    if "paperspace_api" not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            "paperspace_api", _FOLDER / "__init__.py", submodule_search_locations=[str(_FOLDER)]
        )
        module = importlib.util.module_from_spec(spec)
        sys.modules["paperspace_api"] = module
        spec.loader.exec_module(module)
    return sys.modules["paperspace_api"]


paperspace_api = _stand_in()


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    """Nobody's own key is used by a test, and no proxy is between it and loopback."""
    for name in ("PAPERSPACE_API_KEY", "PAPERSPACE_API_URL", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def cloud():
    """What is behind the API, in a hurry."""
    return paperspace_api.Cloud(event_seconds=0.04, boot_seconds=0.04)


@pytest.fixture
def server(cloud):
    """A running stand-in."""
    with paperspace_api.serve(cloud) as running:
        yield running


@pytest.fixture
def hurry(monkeypatch):
    """Pauses between tries take no time, but are counted (list of seconds)."""
    pauses = []
    client = importlib.import_module("ansible_collections.mlinabox.core.plugins.module_utils._paperspace_api")
    original = client.Api.__init__

    def hurried(self, *arguments, **more):
        original(self, *arguments, **{"sleep": pauses.append, **more})

    monkeypatch.setattr(client.Api, "__init__", hurried)
    return pauses


@pytest.fixture
def fault():
    """Makes a fault (callable)."""
    return paperspace_api.Fault


@pytest.fixture
def run(server):
    """Runs a module as it is run on a host, but in this process. Returns its result; `said` has all that it printed.

    Called with the module's name without `paperspace_`, check (bool), and its options.
    """

    def call(kind, /, check=False, **options):
        # Not known before ansible-core 2.19; the inventory's tests run on older ones, too.
        from ansible.module_utils.testing import patch_module_args

        module = importlib.import_module(f"ansible_collections.mlinabox.core.plugins.modules.paperspace_{kind}")
        given = {"api_key": server.key, "api_url": server.url, "api_timeout": 2, **options}
        if kind in ("machine", "template"):
            given = {"wait_interval": 0.01, "wait_timeout": 5, **given}
        # None is for an option that is not given.
        given = {option: value for option, value in given.items() if value is not None}
        printed = io.StringIO()
        arguments = {**given, "_ansible_check_mode": check, "_ansible_diff": True}
        with patch_module_args(arguments), contextlib.redirect_stdout(printed), pytest.raises(SystemExit):
            module.main()
        call.said.append(printed.getvalue())
        result = json.loads(printed.getvalue())
        result.pop("invocation")
        return result

    call.said = []
    return call
