"""Reads the logs of tasks from Loki, for people."""
