"""PyTorch multiplies matrices and differentiates, on the CPU and on every GPU it sees."""

import torch

devices = ["cpu"] + [f"cuda:{number}" for number in range(torch.cuda.device_count())]
for device in devices:
    a = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)
    b = torch.tensor([[5.0, 6.0], [7.0, 8.0]], device=device)
    assert (a @ b).tolist() == [[19, 22], [43, 50]], device
    x = torch.tensor(2.0, device=device, requires_grad=True)
    (x**3).backward()
    assert x.grad.item() == 12, device
