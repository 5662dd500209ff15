"""Data readiness on Dagster: every table version is a proposal until a gate admits it."""
