"""The questions of notebook 8."""
