"""The questions of notebook 7."""
