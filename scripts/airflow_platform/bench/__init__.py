"""Measures what the platform costs."""
