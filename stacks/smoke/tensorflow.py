"""TensorFlow multiplies matrices on every device it has, traces a function and differentiates it."""

import tensorflow as tf

for device in tf.config.list_logical_devices():
    with tf.device(device.name):
        product = tf.matmul([[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]])
    assert product.numpy().tolist() == [[19, 22], [43, 50]], device


@tf.function
def cube(x):
    return x**3


x = tf.Variable(2.0)
with tf.GradientTape() as tape:
    y = cube(x)
assert tape.gradient(y, x).numpy() == 12
