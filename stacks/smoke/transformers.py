"""transformers runs a tiny BERT made on the spot; its last layer normalises, so mean 0 and variance 1 are known."""

import torch
from transformers import BertConfig, BertModel

torch.manual_seed(0)
config = BertConfig(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
model = BertModel(config).eval()
model.save_pretrained("tiny")
tokens = torch.tensor([[1, 2, 3, 4, 5]])
with torch.no_grad():
    hidden = model(tokens).last_hidden_state
    again = BertModel.from_pretrained("tiny").eval()(tokens).last_hidden_state
assert hidden.shape == (1, 5, 8)
assert hidden.mean(-1).abs().max() < 1e-5
assert (hidden.var(-1, unbiased=False) - 1).abs().max() < 1e-3
assert torch.equal(hidden, again)
