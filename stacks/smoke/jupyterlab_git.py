"""jupyterlab-git registers with the server, has its page part built, and reads what git prints."""

import json
import os
import sys

import jupyterlab_git
from jupyterlab_git.git import strip_and_split

assert {"module": "jupyterlab_git"} in jupyterlab_git._jupyter_server_extension_points()
assert strip_and_split("M\0a b.py\0") == ["M", "a b.py"]
page = os.path.join(sys.prefix, "share/jupyter/labextensions/@jupyterlab/git/package.json")
with open(page, encoding="utf-8") as file:
    assert json.load(file)["name"] == "@jupyterlab/git"
