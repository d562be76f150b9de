"""Checks of this repository's own files: charts, Python, YAML and shell."""
