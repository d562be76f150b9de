"""Looks at a release in its cluster, and says what is wrong and what mends it."""
