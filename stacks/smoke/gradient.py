"""The command gradient answers --help and lists what it can do."""

import os
import subprocess
import sys

command = os.path.join(os.path.dirname(sys.executable), "gradient")
told = subprocess.run([command, "--help"], check=True, capture_output=True, text=True).stdout
assert told.startswith("Usage: gradient"), told
assert "deployments" in told and "notebooks" in told, told
