"""`faststicky bench`: load, measured. One file an idea; the hot loop is core/_load.

plan        what is asked, how fast and for how long
generator   one process of load: a plan in, slices out
slices      what was counted in a quarter of a second
crew        the generator processes of one run, and their slices added up
result      what a run found: rates, percentiles, errors, affinity
backend     the built-in backend
"""
