"""peft puts LoRA on a tiny model: as many trainable weights as its formula says, and the same output at first."""

import torch
from peft import LoraConfig, get_peft_model

torch.manual_seed(0)
base = torch.nn.Sequential(torch.nn.Linear(4, 3))
x = torch.ones(1, 4)
before = base(x)
model = get_peft_model(base, LoraConfig(r=2, target_modules=["0"]))
assert sum(p.numel() for p in model.parameters() if p.requires_grad) == 2 * (4 + 3)
assert torch.allclose(model(x), before)
