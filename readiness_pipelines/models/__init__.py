"""A product's model: which admitted rows it learns from, how it is made, judged, promoted, rolled back, and what it scores.

spec -> training_set -> train -> judge -> (review) -> promotion -> scoring
"""
