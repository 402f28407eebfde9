"""accelerate prepares a model and makes one step of gradient descent, of which the result is known."""

import torch
from accelerate import Accelerator

model = torch.nn.Linear(1, 1, bias=False)
torch.nn.init.zeros_(model.weight)
accelerator = Accelerator(cpu=True)
model, optimizer = accelerator.prepare(model, torch.optim.SGD(model.parameters(), lr=0.1))
loss = (model(torch.tensor([[2.0]])) - 4).square().sum()
accelerator.backward(loss)
optimizer.step()
assert loss.item() == 16
assert abs(accelerator.unwrap_model(model).weight.item() - 1.6) < 1e-6, "0 - 0.1 * 2 * (0 - 4) * 2"
