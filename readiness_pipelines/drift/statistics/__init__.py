"""The statistics of drift: one file each, pure, with formula, edge cases and source. Numbers in, numbers out, no judgement.

What cannot be computed of the data (an empty side, no value at all) is None, and each docstring says when. Rows of counts
are always given as reference and window over the same bins.
"""
