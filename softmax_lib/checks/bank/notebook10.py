"""The questions of notebook 10."""
