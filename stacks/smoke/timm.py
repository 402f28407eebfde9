"""timm builds ResNet-18 with the number of weights that its paper's network has, and runs it."""

import timm
import torch

model = timm.create_model("resnet18", pretrained=False).eval()
assert sum(p.numel() for p in model.parameters()) == 11689512
with torch.no_grad():
    assert model(torch.zeros(1, 3, 64, 64)).shape == (1, 1000)
