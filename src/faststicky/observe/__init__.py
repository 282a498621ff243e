"""What was measured, as people and programs see it: histograms, statistics lines, their reading and their pictures."""
