"""Measures what the platform costs, and what it delivers."""
