"""Sentence Transformers embeds sentences with a tiny BERT made on the spot, as the mean over the sentence's tokens."""

from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SentenceTransformer, models, util
from transformers import BertConfig, BertModel, BertTokenizer

torch.manual_seed(0)
words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "sat"]
Path("vocab.txt").write_text("\n".join(words))
config = BertConfig(vocab_size=8, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
bert = BertModel(config).eval()
bert.save_pretrained("tiny")
BertTokenizer("vocab.txt").save_pretrained("tiny")

layer = models.Transformer("tiny")
model = SentenceTransformer(modules=[layer, models.Pooling(layer.get_word_embedding_dimension())], device="cpu")
embedded = model.encode(["the cat sat", "The cat sat", "cat"], show_progress_bar=False)
with torch.no_grad():
    by_hand = bert(torch.tensor([[2, 5, 6, 7, 3]])).last_hidden_state[0].mean(0).numpy()
assert np.allclose(embedded[0], by_hand, atol=1e-5)
assert abs(util.cos_sim(embedded[0], embedded[1]).item() - 1) < 1e-5
