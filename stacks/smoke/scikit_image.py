"""scikit-image counts two spots, measures them, and finds the threshold between dark and light."""

import numpy as np
from skimage.filters import threshold_otsu
from skimage.measure import label, regionprops

image = np.zeros((8, 8), dtype=np.uint8)
image[1:3, 1:3] = 200
image[5:8, 5:8] = 200
assert 0 <= threshold_otsu(image) < 200
assert [spot.area for spot in regionprops(label(image > 100))] == [4, 9]
