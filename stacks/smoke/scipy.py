"""scipy integrates the sine, minimises a parabola and solves a sparse system."""

import math

from scipy import integrate, optimize, sparse
from scipy.sparse.linalg import spsolve

assert math.isclose(integrate.quad(math.sin, 0, math.pi)[0], 2)
assert math.isclose(optimize.minimize_scalar(lambda x: (x - 3) ** 2).x, 3, rel_tol=1e-6)
assert spsolve(sparse.csc_matrix([[2.0, 0.0], [0.0, 4.0]]), [2.0, 2.0]).tolist() == [1, 0.5]
