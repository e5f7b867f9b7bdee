"""The model plane."""
