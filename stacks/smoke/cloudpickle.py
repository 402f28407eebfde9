"""cloudpickle carries a closure, which pickle cannot, to another process, where it computes."""

import subprocess
import sys

import cloudpickle

factor = 6
load = "import pickle, sys; print(pickle.load(sys.stdin.buffer)(7))"
pickled = cloudpickle.dumps(lambda x: x * factor)
child = subprocess.run([sys.executable, "-I", "-B", "-c", load], check=True, input=pickled, stdout=subprocess.PIPE)
assert child.stdout.strip() == b"42", child.stdout
