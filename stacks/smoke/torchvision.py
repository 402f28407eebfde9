"""torchvision's operators and transforms compute: overlapping boxes are dropped, an image is flipped and resized."""

import torch
from torchvision import ops, transforms

boxes = torch.tensor([[0.0, 0.0, 10.0, 10.0], [1.0, 1.0, 11.0, 11.0], [20.0, 20.0, 30.0, 30.0]])
assert ops.nms(boxes, torch.tensor([0.9, 0.8, 0.7]), iou_threshold=0.5).tolist() == [0, 2]
image = torch.tensor([[[0.0, 1.0], [2.0, 3.0]]])
assert transforms.functional.hflip(image).tolist() == [[[1, 0], [3, 2]]]
assert transforms.Resize(4)(image).shape == (1, 4, 4)
