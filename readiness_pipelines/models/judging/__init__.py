"""What a challenger must prove, one rule a file: arrays and frames in, `Judged` out.

Nothing here reads a table, and only `latency` a clock.

Rows are resampled by block, a person or a day, never one by one: rows of one person are not independent, and an interval that
takes them for it is too narrow.
"""
