"""diffusers denoises one step with a tiny U-Net made on the spot; the first of DDPM's alphas is known."""

import torch
from diffusers import DDPMScheduler, UNet2DModel

torch.manual_seed(0)
blocks = {"down_block_types": ("DownBlock2D", "DownBlock2D"), "up_block_types": ("UpBlock2D", "UpBlock2D")}
unet = UNet2DModel(sample_size=8, block_out_channels=(8, 8), norm_num_groups=4, layers_per_block=1, **blocks)
scheduler = DDPMScheduler()
assert abs(scheduler.alphas_cumprod[0].item() - 0.9999) < 1e-6
noisy = torch.randn(1, 3, 8, 8)
with torch.no_grad():
    noise = unet(noisy, 10).sample
assert noise.shape == noisy.shape
assert scheduler.step(noise, 10, noisy).prev_sample.isfinite().all()
