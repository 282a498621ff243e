"""The compiled core's parser, cookie scanner and lookup table once more, in plain Python and sharing no code with it.

The oracle of the tests: written for clarity from RFC 9110, 9112 and 6265. Where the RFCs leave a choice, the docstrings
here say what was chosen; `tests/wire/README.md` has the same choices as a list.
"""
