"""torchaudio filters an impulse to the known decay and finds the frequency of a sine."""

import math

import torch
import torchaudio

impulse = torch.tensor([1.0, 0.0, 0.0, 0.0])
decay = torchaudio.functional.lfilter(impulse, torch.tensor([1.0, -0.5]), torch.tensor([1.0, 0.0]))
assert torch.allclose(decay, torch.tensor([1.0, 0.5, 0.25, 0.125]))
sine = torch.sin(2 * math.pi * 1000 * torch.arange(8000) / 8000)
power = torchaudio.transforms.Spectrogram(n_fft=400)(sine).mean(1)
assert power.argmax().item() == 50, "1000 Hz of 8000 Hz is bin 50 of 400"
