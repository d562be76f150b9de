"""The Secrets that a release needs, and how they come about."""
