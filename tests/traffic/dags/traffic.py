"""DAGs that end in different ways. They run as soon as a scheduler has found them."""

from datetime import UTC, datetime, timedelta

try:
    from airflow.sdk import dag, task, task_group
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task, task_group

once = {"schedule": "@once", "start_date": datetime(2026, 1, 1, tzinfo=UTC), "catchup": False}


# More than once: what rules make of increases needs two runs.
@dag("traffic_succeeds", **(once | {"schedule": timedelta(seconds=20)}), max_active_runs=1)
def succeeds():
    @task
    def good_step():
        pass

    good_step()


@dag("traffic_fails", **once)
def fails():
    @task
    def bad_step():
        raise RuntimeError("This task is meant to fail.")

    bad_step()


@dag("traffic_retries", **once)
def retries():
    @task(retries=1, retry_delay=timedelta(seconds=1))
    def retried_step(ti=None):
        if ti.try_number == 1:
            raise RuntimeError("This task is meant to fail once.")

    retried_step()


@dag("traffic_mapped", **once)
def mapped():
    @task
    def mapped_step(number):
        return number

    mapped_step.expand(number=[1, 2])


@dag("traffic.dotted-dag", **once)
def dotted():
    @task_group
    def group():
        @task
        def inner_step():
            pass

        inner_step()

    group()


succeeds()
fails()
retries()
mapped()
dotted()
