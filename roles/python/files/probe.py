"""Tell as JSON what the interpreter that runs this is, and which of the modules named as arguments it cannot import."""

import importlib
import json
import platform
import sys

missing = {}
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except Exception as error:
        missing[name] = str(error)
print(json.dumps({"version": platform.python_version(), "missing": missing}))
