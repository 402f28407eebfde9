"""spaCy tokenizes English by its rules, finds sentences and matches a pattern."""

import spacy
from spacy.matcher import Matcher

nlp = spacy.blank("en")
nlp.add_pipe("sentencizer")
doc = nlp("Don't panic. It costs $5.")
assert [token.text for token in doc] == ["Do", "n't", "panic", ".", "It", "costs", "$", "5", "."]
assert len(list(doc.sents)) == 2
matcher = Matcher(nlp.vocab)
matcher.add("price", [[{"IS_CURRENCY": True}, {"LIKE_NUM": True}]])
assert [doc[start:end].text for _match, start, end in matcher(doc)] == ["$5"]
