"""OpenCV resizes an image, blurs it to its mean and encodes it as PNG without a loss."""

import cv2
import numpy as np

small = np.array([[0, 255], [255, 0]], dtype=np.uint8)
large = cv2.resize(small, (4, 4), interpolation=cv2.INTER_NEAREST)
assert (large == np.kron(small, np.ones((2, 2), dtype=np.uint8))).all()
assert cv2.blur(np.full((3, 3), 9, dtype=np.uint8), (3, 3))[1, 1] == 9
encoded = cv2.imencode(".png", large)[1]
assert (cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE) == large).all()
