"""bitsandbytes loads its library (for the CPU where there is no GPU) and quantises numbers to 8 bits and back."""

import torch
from bitsandbytes import functional

device = "cuda" if torch.cuda.is_available() else "cpu"
numbers = torch.linspace(-1, 1, 256, device=device)
quantised, state = functional.quantize_blockwise(numbers)
assert quantised.dtype == torch.uint8
assert (functional.dequantize_blockwise(quantised, state) - numbers).abs().max() < 0.05
