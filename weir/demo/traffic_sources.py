"""Where a demo's flows come from: a lab with traffic of its own, a cgroup of this machine, or a recording."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from bpf.cgroup import cgroup_id, resolve_cgroup
from bpf.pins import home
from bpf.probe import remove_probe
from schemas.errors import CaptureError, WeirError
from weir.demo.children import Child
from weir.demo.plan import Plan
from weir.demo.replay import Player
from weir.demo.shop import Stage
from weir.demo.topology import ZONES

ATTACH_SECONDS = 60.0
FLUSH_SECONDS = 20.0
SETTLE_SECONDS = 0.5
"""Who holds an address must be known for longer than a flow lasts, by as much as clocks may differ (0.25 s), at both ends."""
NOTES = Path("/run/weir-demo")


class Performance(Protocol):
    def set_up(self) -> None:
        """Puts up what needs no Kafka and no tables."""
        ...

    def start(self, plan: Plan) -> None:
        """Begins to count, and does not wait."""
        ...

    def play(self, stop: threading.Event) -> str:
        """Returns when everything is being counted and there is traffic, or `stop` is set, with a sentence that says what."""
        ...

    def check(self) -> None:
        """Raises WeirError if a part has ended by itself."""
        ...

    def stop(self) -> None:
        """Ends the traffic, then the counting; returns when all that was counted is in Kafka."""
        ...

    def close(self) -> None:
        """Leaves nothing behind, whatever happened before. Safe to call twice."""
        ...


class LabPerformance:
    """Three nodes, an agent on each, and the shop's services in pods."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._stage = self._stack.enter_context(Stage())
        self._agents: list[Child] = []

    def set_up(self) -> None:
        self._stage.open()

    def start(self, plan: Plan) -> None:
        for name, node in self._stage.nodes.items():
            own = {"WEIR_NODE_ID": name, "WEIR_CGROUP": str(node.cgroup), "WEIR_ZONE": ZONES[name]}
            settings = {**plan.agent_settings(name), **own}
            self._agents.append(start_agent(plan, name, settings))
            self._stack.callback(self._agents[-1].close)

    def play(self, stop: threading.Event) -> str:
        _await_attached(self._agents, [node.cgroup for node in self._stage.nodes.values()], stop)
        stop.wait(SETTLE_SECONDS)
        self._stage.play()
        return f"{len(self._agents)} agents count on {len(self._agents)} nodes, and the services talk."

    def check(self) -> None:
        for agent in self._agents:
            agent.check()
        self._stage.check()

    def stop(self) -> None:
        self._stage.stop()
        time.sleep(SETTLE_SECONDS)
        end_agents(self._agents)

    def close(self) -> None:
        for agent in self._agents:
            agent.terminate()
        self._stack.close()


class CgroupPerformance:
    """One agent on a cgroup of this machine.

    A note tells programs that a killed demo left there, which go, from those of an agent that is to come back, which stay.
    """

    def __init__(self, cgroup: Path | None) -> None:
        self._cgroup = resolve_cgroup(cgroup)
        self._note = NOTES / str(cgroup_id(self._cgroup))
        self._agent: Child | None = None
        if self._note.exists():
            remove_probe(self._cgroup)
        if home(self._cgroup).exists():
            way_out = f"`WEIR_CGROUP={self._cgroup} weir agent --remove` ends that"
            raise CaptureError(f"an agent counts {self._cgroup}, or means to go on after a pause: {way_out}, or name another --cgroup.")

    def set_up(self) -> None:
        return None

    def start(self, plan: Plan) -> None:
        self._note.parent.mkdir(parents=True, exist_ok=True)
        self._note.touch()
        self._agent = start_agent(plan, "agent", {**plan.agent_settings("agent"), "WEIR_CGROUP": str(self._cgroup)})

    def play(self, stop: threading.Event) -> str:
        if self._agent:
            _await_attached([self._agent], [self._cgroup], stop)
        return f"One agent counts in {self._cgroup}."

    def check(self) -> None:
        if self._agent:
            self._agent.check()

    def stop(self) -> None:
        if self._agent:
            end_agents([self._agent])

    def close(self) -> None:
        if self._agent:
            self._agent.close()
            if self._cgroup.is_dir():
                remove_probe(self._cgroup)
        self._note.unlink(missing_ok=True)


class RecordingPerformance:
    """A recording, played over and over with its times moved to now."""

    def __init__(self) -> None:
        self._player: Player | None = None

    def set_up(self) -> None:
        return None

    def start(self, plan: Plan) -> None:
        self._player = Player(plan)

    def play(self, stop: threading.Event) -> str:
        return "The recording plays."

    def check(self) -> None:
        if self._player:
            self._player.check()

    def stop(self) -> None:
        self.close()

    def close(self) -> None:
        if self._player:
            self._player.close()


def start_agent(plan: Plan, name: str, settings: dict[str, str]) -> Child:
    """An agent that publishes all it has counted, and takes its programs out of the kernel, when it is told to end."""
    return Child(f"the agent {name}", plan.arguments("agent", "--remove-on-exit"), settings, plan.echo)


def end_agents(agents: list[Child]) -> None:
    """Has all agents publish their running window and end. Raises ChildFailed for one that cannot."""
    for agent in agents:
        agent.terminate()
    for agent in agents:
        agent.wait(FLUSH_SECONDS)


def _await_attached(agents: list[Child], cgroups: list[Path], stop: threading.Event) -> None:
    def attached() -> bool:
        for agent in agents:
            agent.check()
        return all(map(_counted, cgroups))

    await_condition(attached, ATTACH_SECONDS, stop, lambda: agents[0].failed(f"did not attach within {ATTACH_SECONDS:g} s"))


def await_condition(done: Callable[[], bool], seconds: float, stop: threading.Event, late: Callable[[], WeirError]) -> None:
    """Waits until `done`, or until `stop` is set; raises what `late` makes when the time is over."""
    for _ in range(int(seconds / 0.1)):
        if done() or stop.wait(0.1):
            return
    raise late()


def _counted(cgroup: Path) -> bool:
    """The pins get their final name when all programs are attached; until then it ends in -new."""
    return home(cgroup).is_dir() and any(not path.name.endswith("-new") for path in home(cgroup).iterdir())
