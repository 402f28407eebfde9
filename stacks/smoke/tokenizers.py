"""tokenizers learns merges of byte pairs from a few words, and decodes what it encodes."""

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

tokenizer = Tokenizer(models.BPE())
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
trainer = trainers.BpeTrainer(vocab_size=300, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
tokenizer.train_from_iterator(["low low low lower newest"], trainer)
assert tokenizer.encode("low").tokens == ["low"]
assert tokenizer.decode(tokenizer.encode("wolf").ids) == "wolf"
