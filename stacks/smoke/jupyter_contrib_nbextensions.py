"""The notebook extensions install into a user's own folders and are listed with their descriptions."""

import os
import subprocess
import sys

import yaml
from jupyter_core.paths import jupyter_data_dir

command = os.path.join(os.path.dirname(sys.executable), "jupyter-contrib")
subprocess.run([command, "nbextension", "install", "--user"], check=True, stdout=subprocess.DEVNULL)
folder = os.path.join(jupyter_data_dir(), "nbextensions", "toc2")
assert os.path.getsize(os.path.join(folder, "main.js")) > 0
with open(os.path.join(folder, "toc2.yaml"), encoding="utf-8") as file:
    assert yaml.safe_load(file)["Main"] == "main.js"
