"""What a DAGs repository has: here with the folder that a test names."""

import os

from airflow_jobs.dags import dags

globals().update(dags(os.environ["WORKFLOWS"]))
