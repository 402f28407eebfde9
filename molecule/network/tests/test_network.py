"""A host trusts what the controller's bundle holds, in the one file that all its programs read."""

import json
import os
import re
from pathlib import Path

import pytest


def certificates(text):
    return set(re.findall(r"-----BEGIN CERTIFICATE-----\s+(.*?)\s+-----END CERTIFICATE-----", text, re.DOTALL))


def test_the_bundle_holds_all_that_the_controller_gave(host):
    given = json.loads(os.environ["MOLECULE_GROUP_VARS"])["network_ca_bundle"]
    if not given:
        pytest.skip("no certificates were given: neither MLINABOX_TEST_CA nor SSL_CERT_FILE is set")
    wanted = certificates(Path(given).read_text())
    assert wanted
    assert wanted - certificates(host.file("/etc/ssl/certs/ca-certificates.crt").content_string) == set()
