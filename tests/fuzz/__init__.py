"""Whole conversations through the relay, mutated and cut anywhere; and the same targets under coverage guidance."""
