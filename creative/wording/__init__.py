"""The wording check: what advertising law forbids or wants proven, before any money is spent.

Read in this order: `model` (types), `normalise` (text → what it says, with positions), `automaton` (all words
in one pass), `hits` (which finds count), `contexts` (when a suspicious word is harmless), `proof` (is the
evidence enough), `check` (the verdict), `book` (the built-in words), `rows` (the words people add), `explain`
(sentences).
"""
