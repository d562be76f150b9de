"""What becomes of task pods: the executor's own code watches and deletes them."""

from .conftest import JOB
from .executor import Executor
from .sidecar import drain_seconds, environment


def test_pods_of_failed_tasks_stay_and_those_of_others_go(executor: Executor):
    pods = executor.launch("succeeds", "fails")
    executor.call("set_state", "success", "succeeds")
    executor.call("set_state", "running", "fails")

    for pod in pods.values():
        executor.end(pod)
    told = executor.heartbeats_until(lambda told: {"succeeds", "fails"} <= told.keys())

    assert (told["succeeds"], told["fails"]) == ("success", "failed")
    executor.wait(lambda: not executor.pods("succeeds"), "the pod of the task that succeeded goes")
    (failed,) = executor.pods("fails")
    assert failed["status"]["phase"] == "Failed"
    assert "deletionTimestamp" not in failed["metadata"]


def test_a_deferred_task_resumes_in_a_second_pod_with_the_ids_of_the_first(executor: Executor):
    first = executor.launch("deferrable")["deferrable"]
    executor.call("set_state", "deferred", "deferrable")

    executor.call("queue", "deferrable")  # while the sidecar of the first pod still works
    executor.call("heartbeat")
    executor.end(first)

    def resumed() -> bool:
        names = {pod["metadata"]["name"] for pod in executor.pods("deferrable")}
        return len(names) == 1 and first["metadata"]["name"] not in names

    executor.heartbeats_until(lambda _: resumed())
    second = executor.running_pods("deferrable")["deferrable"]
    before, after = environment(first), environment(second)
    differ = {name for name in before if before[name] != after[name]}
    assert differ == {"POD_NAME", "POD_UID"}


def test_a_drain_ends_before_airflow_2_drops_a_resumed_task(executor: Executor):
    patience = executor.call("seconds_until_dropped")
    first = executor.launch("resumes_soon")["resumes_soon"]
    executor.call("set_state", "deferred", "resumes_soon")

    executor.call("queue", "resumes_soon")
    executor.call("heartbeat")

    if patience is None:  # Airflow 3
        assert len(executor.pods("resumes_soon")) == 2
    else:
        assert executor.pods("resumes_soon") == [first]
        assert drain_seconds(first) < patience


def test_a_scheduler_adopts_the_pods_of_the_one_before_it(executor: Executor):
    adopted, ended = "outlives_its_scheduler", "ends_without_a_scheduler"
    pods = executor.launch(adopted, ended)
    executor.call("queue", "never_gets_a_pod")
    executor.call("end")
    executor.call("set_state", "success", ended)
    executor.end(pods[ended])

    executor.call("start", JOB + 1)
    left = executor.call("adopt", adopted, "never_gets_a_pod")

    assert left == ["never_gets_a_pod"]
    assert executor.call("running") == [adopted]
    (pod,) = executor.pods(adopted)
    assert pod["metadata"]["labels"]["airflow-worker"] == str(JOB + 1)
    assert environment(pod) == environment(pods[adopted])
    executor.call("set_state", "success", adopted)
    executor.end(pod)
    told = executor.heartbeats_until(lambda told: adopted in told)
    assert told[adopted] == "success"
    executor.heartbeats_until(lambda _: not executor.pods(adopted, ended))
