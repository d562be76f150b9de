"""Moves a release of the official chart to this wrapper: its values, and what the upgrade does."""
