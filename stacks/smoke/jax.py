"""JAX compiles a product of matrices for the devices it has, and differentiates."""

import jax
import jax.numpy as jnp

a, b = jnp.array([[1.0, 2.0], [3.0, 4.0]]), jnp.array([[5.0, 6.0], [7.0, 8.0]])
assert jax.jit(jnp.matmul)(a, b).tolist() == [[19, 22], [43, 50]]
assert jax.grad(lambda x: x**3)(2.0) == 12
