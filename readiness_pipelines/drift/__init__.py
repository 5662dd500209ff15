"""Drift: windows of admitted versions are measured against a reference, and a rule with few false alarms judges them."""
