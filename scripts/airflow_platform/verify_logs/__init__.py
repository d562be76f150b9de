"""Compares the task logs in Loki with what the tasks wrote."""
