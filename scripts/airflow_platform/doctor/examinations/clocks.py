"""Clocks that do not agree."""

from collections.abc import Iterator
from datetime import timedelta

from airflow_platform.doctor.facts import Facts, condition, name, time_of
from airflow_platform.doctor.model import Fault, Finding, Mend, NotSeenError, examination

HERE = Fault("clock-here", "note", "The clock of this machine is wrong.")
NODE = Fault("clock-of-node", "error", "The clock of a node is wrong.")
LOKI = Fault("clock-of-loki", "error", "The clock of Loki is wrong.")

_TOLERANCE = timedelta(seconds=30)
_RENEWAL = timedelta(seconds=60)  # a kubelet renews its lease each ten seconds


@examination(HERE, NODE, LOKI)
def clocks(facts: Facts) -> Iterator[Finding]:
    """Whether the clocks of this machine, of the nodes and of Loki agree with the API server's."""
    if isinstance(facts.clock, NotSeenError):
        raise facts.clock
    here = facts.clock.here - facts.clock.there
    if abs(here) > _TOLERANCE:
        yield Finding(
            HERE,
            "This machine",
            f"Its clock is {_difference(here)} that of the API server.",
            "Tokens may be refused, and times that commands print are wrong by as much.",
            Mend("Let it ask a time server.", ("timedatectl set-ntp true",)),
        )
    loki = facts.loki
    if not isinstance(loki, NotSeenError) and loki.moment:
        difference = loki.moment.there - loki.moment.here + here
        if abs(difference) > _TOLERANCE:
            yield Finding(
                LOKI,
                f"Loki {loki.service.url}",
                f"Its clock is {_difference(difference)} that of the API server.",
                "Loki refuses lines that it takes to be from the future, or too old.",
                Mend(_NTP.format("the node on which Loki runs")),
            )
    yield from _nodes(facts)


_NTP = "Start chrony or systemd-timesyncd on {}, and see that it reaches its time servers."


def _nodes(facts: Facts) -> Iterator[Finding]:
    ready = {
        name(node) for node in facts.all("Node") if condition(node, "Ready").get("status") == "True"
    }
    for lease in facts.all("Lease"):
        renewed = time_of(lease["spec"].get("renewTime"))
        if renewed is None or name(lease) not in ready:
            continue
        difference = renewed - facts.now
        # Behind by up to one renewal it may be for no reason but that the renewal is to come.
        if difference > _TOLERANCE or -difference > _RENEWAL:
            yield Finding(
                NODE,
                f"Node {name(lease)}",
                f"Its clock is about {_difference(difference)} that of the API server.",
                "Log lines of its tasks are out of order or refused by Loki, tokens of tasks may be"
                " refused, and durations are wrong.",
                Mend(
                    _NTP.format("the node"),
                    (f"{facts.kubectl} cordon {name(lease)}",),
                ),
            )


def _difference(difference: timedelta) -> str:
    seconds = abs(difference.total_seconds())
    return f"{seconds:.0f} s {'ahead of' if difference > timedelta() else 'behind'}"
