"""Runs in an Airflow's Python: prints the links of all task instances, as its API gives them."""

import json
from datetime import UTC, datetime, timedelta

from airflow import plugins_manager, settings
from airflow.models.taskinstance import TaskInstance
from airflow.models.taskinstancehistory import TaskInstanceHistory
from rest import AIRFLOW_2, Api
from sqlalchemy.orm import Session

API = Api()


def links(ti, **parameters):
    """The links of a task instance, by name."""
    ids = ti.dag_id, ti.run_id, ti.task_id
    answer = json.loads(API.of_task(*ids, "links", map_index=ti.map_index, **parameters))
    return answer if AIRFLOW_2 else answer["extra_links"]


def described(ti, found):
    ids = ("dag_id", "task_id", "run_id", "try_number", "map_index")
    times = {name: getattr(ti, name).timestamp() for name in ("start_date", "end_date")}
    return {"ids": {name: getattr(ti, name) for name in ids}, "times": times, "links": found}


answers = []
# Not the session of the thread, which the API of Airflow 2 closes.
with Session(settings.engine) as session:
    for ti in session.query(TaskInstance).all():
        # `airflow dags test` of Airflow 2 keeps no times.
        ti.end_date = ti.end_date or datetime.now(UTC)
        ti.start_date = ti.start_date or ti.end_date - timedelta(minutes=30)
        session.commit()
        answers.append(described(ti, links(ti)))
    # Another try of a task, whose first one is history.
    ti = session.query(TaskInstance).filter_by(task_id="plain").one()
    first = described(ti, None)
    TaskInstanceHistory.record_ti(ti, session=session)
    ti.try_number += 1
    session.commit()
    answers.append(described(ti, links(ti)))
    if not AIRFLOW_2:  # whose API knows the last try only
        answers.append({**first, "links": links(ti, try_number=1)})

errors = plugins_manager.import_errors if AIRFLOW_2 else plugins_manager._get_plugins()[1]
print(json.dumps({"errors": errors, "answers": answers}))
