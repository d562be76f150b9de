"""The operator of a job: KubernetesPodOperator, with template variables and outputs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jinja2
from airflow.exceptions import AirflowException
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator

from airflow_jobs.pods import CONTAINER, OUTPUT_BYTES
from airflow_jobs.runs import Run
from airflow_jobs.workflows import Workflow

_NOT_AS_IT_IS = re.compile(r"[{}\r\n]")


def as_template(text: str) -> str:
    """Return a text as a Jinja template in which the macro ``fill`` fills in its variables.

    The text is in a string of Jinja's, for outside of one Jinja changes line ends.
    """
    if not _NOT_AS_IT_IS.search(text):
        return text
    literal = text.encode("unicode_escape").decode("ascii").replace('"', '\\"')
    return f'{{{{ fill("{literal}") }}}}'


def fill_macro(workflow: Workflow) -> Callable[..., str]:
    """Return the macro ``fill`` of a workflow."""

    @jinja2.pass_context
    def fill(context: Mapping[str, Any], text: str) -> str:
        return _run(context, workflow).fill(text)

    return fill


def _run(context: Mapping[str, Any], workflow: Workflow) -> Run:
    task, instance, dag_run = context["task"], context["ti"], context["dag_run"]
    # Airflow 3 has no logical date for a run that was triggered without one.
    date = context.get("logical_date") or dag_run.run_after

    def output(job: str, name: str) -> Any:
        # Of a job that runs for each of a list there is a list of outputs, be it of one: for that,
        # Airflow 3 must be asked for a list of tasks.
        many = workflow.runs_for_each(job)
        value = instance.xcom_pull(task_ids=[job] if many else job, key=name)
        if value is None:
            raise AirflowException(f'The job "{job}" has left no output "{name}".')
        return list(value) if many else value

    return Run(
        workflow=workflow.name,
        job=task.task_id,
        run_id=context["run_id"],
        attempt=instance.try_number,
        logical_date=date,
        data_interval_start=context.get("data_interval_start") or date,
        data_interval_end=context.get("data_interval_end") or date,
        time_zone=workflow.time_zone,
        params=context["params"],
        output=output,
        item=getattr(task, "item", None),
    )


class JobOperator(KubernetesPodOperator):
    """Runs the Pod of a job, and passes its outputs on.

    ``outputs`` are their names, ``listed`` is the one that another job runs for each of. ``keep``
    leaves a Pod without its outputs for people to look at.
    """

    def __init__(
        self,
        *,
        outputs: Sequence[str] = (),
        listed: str | None = None,
        keep: bool = False,
        item: Any = None,
        **kwargs: Any,
    ) -> None:
        # Outputs are in the Pod's status: no container is needed that Airflow would ask for them.
        super().__init__(**{**kwargs, "do_xcom_push": False})
        self.outputs = outputs
        self.listed = listed
        self.keep = keep
        self.item = item
        self._found: Mapping[str, Any] = {}

    def execute(self, context: Any) -> Any:
        """Run the Pod, and return the list that another job runs for each of."""
        super().execute(context)
        return self._passed_on(context)

    def trigger_reentry(self, context: Any, event: dict[str, Any]) -> Any:
        """Go on when the Pod has ended, with ``deferrable``."""
        super().trigger_reentry(context, event)
        return self._passed_on(context)

    def cleanup(self, pod: Any, remote_pod: Any, *args: Any, **kwargs: Any) -> None:
        """Take the outputs out of the status of the Pod, which may be deleted here."""
        missing: AirflowException | None = None
        end = _end(remote_pod)
        if self.outputs and end and end.exit_code == 0:
            try:
                self._found = _written(end.message or "", self.outputs)
            except AirflowException as error:
                missing = error
        if missing and self.keep:
            raise missing
        super().cleanup(pod, remote_pod, *args, **kwargs)
        if missing:
            raise missing

    def _passed_on(self, context: Any) -> Any:
        for name in self.outputs:
            if name not in self._found:
                raise AirflowException("The Pod was gone before its outputs were read.")
            context["ti"].xcom_push(key=name, value=self._found[name])
        if not self.listed:
            return None
        self.do_xcom_push = True  # Airflow counts the items of what is returned
        return self._found[self.listed]


def _end(pod: Any) -> Any:
    """Return how the container of a job has ended; None if that is not known."""
    statuses = (pod and pod.status and pod.status.container_statuses) or ()
    states = (status.state for status in statuses if status.name == CONTAINER)
    return next((state.terminated for state in states if state), None)


def _written(text: str, outputs: Sequence[str]) -> dict[str, Any]:
    """Return the outputs that a job has written; AirflowException where one is missing."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise AirflowException(
            f"The job must write a JSON object with {', '.join(outputs)} to the file $OUTPUT_FILE,"
            f" at most {OUTPUT_BYTES} bytes of UTF-8, of which Kubernetes keeps no more. It has"
            f" written {len(text.encode())} bytes: {text[:200]!r}"
        )
    if missing := [name for name in outputs if found.get(name) is None]:
        raise AirflowException(
            f"The job has not written the outputs {', '.join(missing)} to $OUTPUT_FILE, but only:"
            f" {', '.join(found) or 'nothing'}"
        )
    return {name: found[name] for name in outputs}
