"""The questions of notebook 9."""
