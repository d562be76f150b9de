"""The harness of airflow-platform: renders, checks and measures its charts."""
