"""Prints the processor time, in seconds, that an adapter needs for a folder of workflows.

Runs in the Python of an Airflow, with the folder as its argument. Without Airflow the files are
read, and no DAGs are made.
"""

import sys
import time
from pathlib import Path

try:
    from airflow_jobs.dags import dags as read
except ImportError:
    from airflow_jobs.cache import read_all as read  # type: ignore[assignment]

start = time.process_time()
read(Path(sys.argv[1]))
print(time.process_time() - start)
