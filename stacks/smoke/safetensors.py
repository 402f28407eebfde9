"""safetensors writes an array in its documented layout and reads it back."""

import json

import numpy as np
from safetensors.numpy import load_file, save_file

array = np.arange(6, dtype=np.float32).reshape(2, 3)
save_file({"a": array}, "a.safetensors")
assert (load_file("a.safetensors")["a"] == array).all()
with open("a.safetensors", "rb") as file:
    header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
assert header["a"] == {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}
