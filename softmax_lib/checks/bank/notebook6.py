"""The questions of notebook 6."""
