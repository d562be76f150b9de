"""NetworkPolicies open what the release needs, and nothing else."""

from collections.abc import Iterator

from airflow_platform.checks.violations import CHECKS, Fault, is_ours
from airflow_platform.manifests import Pod, Render
from airflow_platform.network.edges import Edge, Place, pods_of_the_release
from airflow_platform.network.needs import needs
from airflow_platform.network.policies import (
    Direction,
    Opening,
    Policies,
    closes_component,
    has_airflow,
)

_DIRECTIONS: tuple[Direction, Direction] = ("Egress", "Ingress")


@CHECKS.add
def needed_connections_are_open(render: Render) -> Iterator[Fault]:
    """Find what a policy closes that the release needs: it would end in a timeout, hours later."""
    if not render.all("NetworkPolicy"):
        return
    policies, edges = Policies(render), needs(render)
    found: dict[tuple[object, ...], Fault] = {}
    for edge in edges:
        for direction in _DIRECTIONS:
            end = edge.source if direction == "Egress" else edge.target
            claimed = _claimed(edges, edge, direction)
            if edge.optional or not isinstance(end, Pod):
                continue
            if not policies.lets(edge, direction, claimed):
                by = ", ".join(policy.name for policy in policies.of(end, direction))
                same = (edge.source, edge.target, edge.port, direction)
                found.setdefault(
                    same, (end, _blocked(edge, direction, by, policies.component(end)))
                )
    yield from found.values()


def _blocked(edge: Edge, direction: Direction, by: str, component: str) -> str:
    if direction == "Egress":
        what = f"may not connect to {_name(edge.target)} on {edge.port}"
    else:
        what = f"may not be reached by {_name(edge.source)} on {edge.port}"
    # Where an end is a place, the values say where it is.
    is_place = isinstance(edge.target if direction == "Egress" else edge.source, Place)
    extra = f"extra{direction}.{component or '<component>'}"
    setting = edge.setting if is_place and not edge.setting.startswith("extra") else extra
    return (
        f"{what}, which is needed ({edge.why}): no {direction.lower()} rule of {by} opens it. See"
        f" networkPolicies.{setting} in the values"
    )


@CHECKS.add
def open_connections_are_needed(render: Render) -> Iterator[Fault]:
    """Find what a policy opens that nobody needs: it may be a mistyped port, or a leftover.

    What the values declare as `networkPolicies.extraIngress` and `extraEgress` is needed.
    """
    there_is_airflow = has_airflow(render)
    judged = [
        policy
        for policy in render.all("NetworkPolicy")
        # The others of ours have settings that say who may connect.
        if not is_ours(policy) or (closes_component(policy) and there_is_airflow)
    ]
    if not judged:
        return
    policies, edges = Policies(render), needs(render)
    for pod in pods_of_the_release(render):
        for direction in _DIRECTIONS:
            for opening in policies.openings(pod, direction):
                if opening.policy in judged:
                    yield from _unneeded(policies, edges, pod, opening, direction)


def _unneeded(
    policies: Policies, edges: tuple[Edge, ...], pod: Pod, opening: Opening, direction: Direction
) -> Iterator[Fault]:
    wanted = [
        edge
        for edge in edges
        if pod is (edge.source if direction == "Egress" else edge.target)
        and policies.matches(opening, edge, direction, _claimed(edges, edge, direction))
    ]
    verb = "connect to" if direction == "Egress" else "be reached by"
    setting = f"networkPolicies.extra{direction}"
    if not wanted:
        yield (
            opening.policy,
            f"lets {_name(pod)} {verb} {opening}, which nothing needs: remove it, or declare it in"
            f" {setting}",
        )
        return
    needed = [edge.target if direction == "Egress" else edge.source for edge in wanted]
    more = [other for other in policies.selected(opening) if other not in needed and other != pod]
    if more:
        yield (
            opening.policy,
            f"lets {_name(pod)} {verb} {', '.join(map(_name, more))} as well, by {opening}, which"
            f" nothing needs: select other pods, or declare it in {setting}",
        )


@CHECKS.add
def every_pod_of_the_release_has_a_policy(render: Render) -> Iterator[Fault]:
    """Leave no pod open where `networkPolicies` closes the others."""
    if not any(map(closes_component, render.all("NetworkPolicy"))):
        return
    policies = Policies(render)
    for pod in pods_of_the_release(render):
        for direction in _DIRECTIONS:
            if not any(map(closes_component, policies.of(pod, direction))):
                yield pod, f"no NetworkPolicy closes its {direction.lower()}"


def _claimed(edges: tuple[Edge, ...], edge: Edge, direction: Direction) -> frozenset[int]:
    """Return the ports on which the same pod needs something else."""
    if edge.sure:
        return frozenset()
    return frozenset(
        port
        for other in edges
        if other.protocol == edge.protocol
        and other.service != edge.service
        and (other.source is edge.source if direction == "Egress" else other.target is edge.target)
        for port in other.ports
    )


def _name(end: Pod | Place) -> str:
    if isinstance(end, Place):
        return str(end)
    return "task pods" if end.key else f"{end.owner.kind}/{end.owner.name}"
