"""NLTK stems words, tokenizes by its rules and measures a distance between two words."""

from nltk.metrics import edit_distance
from nltk.stem import PorterStemmer
from nltk.tokenize import wordpunct_tokenize

assert [PorterStemmer().stem(word) for word in ("running", "ponies", "caresses")] == ["run", "poni", "caress"]
assert wordpunct_tokenize("Good muffins, $3.") == ["Good", "muffins", ",", "$", "3", "."]
assert edit_distance("kitten", "sitting") == 3
