"""Reads lines from Loki's HTTP API."""
