"""The command `jupyter lab` tells its version, and the application with its built pages is there."""

import os
import subprocess
import sys
from importlib.metadata import version

from jupyterlab.commands import get_app_dir
from jupyterlab.labapp import LabApp

command = os.path.join(os.path.dirname(sys.executable), "jupyter")
told = subprocess.run([command, "lab", "--version"], check=True, capture_output=True, text=True).stdout
assert told.strip() == version("jupyterlab"), told
assert LabApp.name == "lab"
assert os.path.getsize(os.path.join(get_app_dir(), "static", "index.html")) > 0
