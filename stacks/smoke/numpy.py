"""numpy multiplies and inverts matrices (through its BLAS and LAPACK) and transforms a known signal."""

import numpy as np

a = np.array([[1.0, 2.0], [3.0, 4.0]])
assert (a @ a == [[7, 10], [15, 22]]).all()
assert np.allclose(np.linalg.inv(a), [[-2, 1], [1.5, -0.5]])
assert np.allclose(np.fft.fft([1, 0, -1, 0]), [0, 2, 0, 2])
