"""Does once what Airflow 2's DAG processor does for its DAGs folder. Runs in that Airflow.

The command `airflow dag-processor` refuses SQLite there.
"""

import logging
import os
from pathlib import Path

from airflow.dag_processing.processor import DagFileProcessor

folder = os.environ["AIRFLOW__CORE__DAGS_FOLDER"]
processor = DagFileProcessor([], folder, logging.getLogger())
for file in Path(folder).glob("*.py"):
    processor.process_file(str(file), [])
