"""Scripts that make the models that come with Sentinel; no part of the wheel."""
