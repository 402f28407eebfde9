"""CuPy multiplies matrices on the GPU; without one there is nothing that it could do."""

import cupy

a, b = cupy.array([[1.0, 2.0], [3.0, 4.0]]), cupy.array([[5.0, 6.0], [7.0, 8.0]])
assert cupy.asnumpy(a @ b).tolist() == [[19, 22], [43, 50]]
