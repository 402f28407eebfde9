"""OmegaConf merges configurations, resolves a reference and refuses a wrong type."""

from omegaconf import OmegaConf, ValidationError

base = OmegaConf.create("{root: /data, train: {path: '${root}/train', steps: 1}}")
merged = OmegaConf.merge(base, OmegaConf.from_dotlist(["root=/mnt", "train.steps=5"]))
assert OmegaConf.to_container(merged, resolve=True) == {"root": "/mnt", "train": {"path": "/mnt/train", "steps": 5}}
assert issubclass(ValidationError, ValueError)
