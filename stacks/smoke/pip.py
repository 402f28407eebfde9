"""pip tells the version that its metadata has, and can compare versions and requirements."""

import subprocess
import sys
from importlib.metadata import version

from pip._vendor.packaging.requirements import Requirement

told = subprocess.run([sys.executable, "-m", "pip", "--version"], check=True, capture_output=True, text=True).stdout
assert told.split()[:2] == ["pip", version("pip")], told
assert Requirement("numpy>=1.9,<2").specifier.contains("1.10")
