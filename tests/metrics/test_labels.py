"""What the labels of the metrics say, above all for ids with dots in them."""

import pytest


@pytest.fixture
def one(mapping, replay):
    """Return the metric that comes out of a few lines, for a version of Airflow."""

    def send(*lines, **values):
        page = replay(mapping(cardinality="task", **values), lines)
        assert page.faults == {}
        (metric,) = page.metrics.values()
        return metric

    return send


def test_tags_keep_the_dots_of_dag_ids_and_task_groups(one):
    metric = one("airflow.ti.start,dag_id=sales.daily,task_id=load.inner.orders:1|c")
    (sample,) = metric.samples
    assert sample.labels == {"dag_id": "sales.daily", "task_id": "load.inner.orders"}


@pytest.mark.parametrize(
    "line",
    [
        "airflow.ti.start.sales.load.inner.orders:1|c",
        "airflow.ti.finish.sales.load.inner.orders.success:1|c",
        "airflow.dag.sales.load.inner.orders.duration:1|ms",
        "airflow.dag.sales.load.inner.orders.queued_duration:1|ms",
        "airflow.dag.sales.load.inner.orders.scheduled_duration:1|ms",
        "airflow.ti.running.default.sales.load.inner.orders:1|g",
        "airflow.task.cpu_usage.sales.load.inner.orders:1|g",
        "airflow.local_task_job.task_exit.4711.sales.load.inner.orders.-9:1|c",
    ],
)
def test_without_tags_a_task_in_a_group_keeps_its_name(one, line):
    metric = one(line, tags=False)
    assert metric.values("dag_id") == {"sales"}
    assert metric.values("task_id") == {"load.inner.orders"}


@pytest.mark.parametrize(
    "line",
    [
        "airflow.dagrun.duration.success.sales.daily:1|ms",
        "airflow.dagrun.duration.failed.sales.daily:1|ms",
        "airflow.dagrun.schedule_delay.sales.daily:1|ms",
        "airflow.dagrun.dependency-check.sales.daily:1|ms",
        "airflow.dagrun.sales.daily.first_task_scheduling_delay:1|ms",
        "airflow.task_removed_from_dag.sales.daily:1|c",
    ],
)
def test_without_tags_metrics_of_a_dag_keep_its_dots(one, line):
    assert one(line, tags=False).values("dag_id") == {"sales.daily"}


def test_the_captured_dags_and_tasks_are_all_there(mapping, replay, capture):
    tags = any(",dag_id=" in line for line in capture)
    page = replay(mapping(tags=tags, cardinality="task"), capture)
    runs, tasks = page["airflow_dagrun_duration_seconds"], page["airflow_task_duration_seconds"]
    if tags:
        assert runs.values("dag_id") == tasks.values("dag_id") == {"team.metrics-dag"}
        assert tasks.values("task_id") == {"ok", "bad", "tg.inner"}
    else:
        # The name alone does not say where the id of a DAG ends and that of a task begins.
        assert runs.values("dag_id") == {"probe.dag-1", "sched_dag"}
        assert tasks.values("dag_id") == {"probe", "sched_dag"}
        assert "dag-1.grp.inner.nested" in tasks.values("task_id")


def test_final_states_are_a_label(one):
    metric = one("airflow.dagrun.duration.success:1|ms", "airflow.dagrun.duration.failed:1|ms")
    assert metric.values("state") == {"success", "failed"}


def test_both_forms_of_one_executor_are_one_series(one):
    """Airflow 3.3 sends both."""
    metric = one(
        "airflow.executor.open_slots.LocalExecutor,status=open:3|g",
        "airflow.executor.open_slots,status=open,executor_class_name=LocalExecutor:3|g",
        version="3.3.2",
    )
    (sample,) = metric.samples
    assert sample.labels == {"status": "open", "executor_class_name": "LocalExecutor"}


def test_several_executors_are_told_apart(one, tags):
    metric = one(
        "airflow.executor.open_slots.CeleryExecutor:3|g",
        "airflow.executor.open_slots.KubernetesExecutor:4|g",
        tags=tags,
    )
    assert metric.values("executor_class_name") == {"CeleryExecutor", "KubernetesExecutor"}


def test_dag_files_of_airflow_2_and_3_are_told_apart_from_bundles(one):
    metric = one(
        "airflow.dag_processing.last_duration.report:1|ms",
        "airflow.dag_processing.last_duration.git.report:1|ms",
        tags=False,
    )
    assert metric.values("file_name") == {"report"}
    assert metric.values("bundle_name") == {"git"}


def test_pools_and_hosts_with_dots_keep_their_names(mapping, replay):
    lines = ("airflow.pool.open_slots.eu.west:1|g", "airflow.triggers.running.host.example.com:1|g")
    page = replay(mapping(tags=False, cardinality="task"), lines)
    assert page["airflow_pool_open_slots"].values("pool_name") == {"eu.west"}
    assert page["airflow_triggers_running"].values("hostname") == {"host.example.com"}


def test_gauges_that_edge_workers_name_themselves_are_mapped(one, tags):
    lines = (
        "airflow.edge_worker.disk_free,worker_name=w1:5|g"
        if tags
        else "airflow.edge_worker.disk_free:5|g",
        "airflow.edge_worker.disk_free.w1:5|g",
    )
    metric = one(*lines, tags=tags)
    assert metric.name == "airflow_edge_worker_disk_free"
    assert [sample.labels for sample in metric.samples] == [{"worker_name": "w1"}]


def test_what_is_new_for_each_run_does_not_become_a_label(mapping, replay):
    runs = tuple(
        line.format(run=run)
        for run in range(5)
        for line in (
            "airflow.local_task_job.task_exit,job_id={run},dag_id=d,task_id=t,return_code=0:1|c",
            "airflow.deadline_alerts.deadline_missed,dag_id=d,dagrun_id=manual_{run}:1|c",
            "airflow.deadline_alerts.deadline_not_missed,dag_id=d,dagrun_id=manual_{run}:1|c",
            "airflow.deadline_alerts.callback_failed,dag_id=d,result=took {run} s,kwargs={run},"
            "deadline_id={run},dag_run_id={run}:1|c",
        )
    )
    page = replay(mapping(cardinality="task"), runs)
    found = {name: (metric.events, len(metric.samples)) for name, metric in page.metrics.items()}
    assert found == {
        "airflow_local_task_job_task_exit_total": (5, 1),
        "airflow_deadline_alerts_deadline_missed_total": (5, 1),
        "airflow_deadline_alerts_deadline_not_missed_total": (5, 1),
        "airflow_deadline_alerts_callbacks_total": (5, 1),
    }
