"""deepspeed reads a configuration and works out the batch that each GPU takes."""

import deepspeed
from deepspeed.runtime.config import DeepSpeedConfig

config = DeepSpeedConfig({"train_batch_size": 8, "gradient_accumulation_steps": 2, "zero_optimization": {"stage": 2}})
assert config.train_micro_batch_size_per_gpu == 4
assert config.zero_optimization_stage == 2
assert callable(deepspeed.initialize)
