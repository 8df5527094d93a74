"""`weir demo`: the whole road in one terminal, from its first line to its last.

The order, and what may fail where: settings; the stage (namespaces, or a reason why not); the embedded Kafka; the tables;
the worker; the agents; the traffic. It ends in the opposite order: traffic, agents, worker, each after it has handed on all that it
had, then the Kafka that forgets, and the stage.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack

from schemas.errors import Unavailable, WeirError
from schemas.topics import FLOWS_TOPIC, all_topics
from sinks.open import open_sink
from weir.demo.address import url_of
from weir.demo.broker import EmbeddedBroker, GroupOffsets, continue_log
from weir.demo.capability import why_no_capture, why_no_lab
from weir.demo.children import Child
from weir.demo.console import await_console, start_console
from weir.demo.plan import GROUP, DemoOptions, Plan, check_options, data_dir, make_plan
from weir.demo.preparation import Preparation
from weir.demo.readings import Gauge
from weir.demo.screen import Screen, open_screen
from weir.demo.summary import closing
from weir.demo.traffic_sources import CgroupPerformance, LabPerformance, Performance, RecordingPerformance, await_condition
from weir.settings.paths import remember_data_dir
from weir.settings.sources import Loaded, load_settings
from weir.signals import stop_on_signals

__all__ = ["DemoOptions", "run_demo"]

TICK_SECONDS = 0.5
WORKER_SECONDS = 60.0
DRAIN_SECONDS = 60.0


def run_demo(options: DemoOptions) -> None:
    """Runs until the duration is over or a signal comes; raises WeirError when a part fails. Leaves nothing but the tables."""
    check_options(options)
    loaded = load_settings(options.config)
    stop = stop_on_signals()
    screen = open_screen()
    with ExitStack() as stack:
        stack.callback(screen.close)
        try:
            plan, performance = _set_up(options, loaded, screen, stack)
        except WeirError:
            if not stop.is_set():  # Ctrl-C at a terminal ends the small programs that set things up, too
                raise
        if stop.is_set():
            return screen.say("Stopped before anything was counted.")
        gauge, seconds = _perform(plan, performance, options.duration, screen, stop, stack)
        overall, totals = gauge.overall(), gauge.read(final=True).totals
        screen.close()
        for line in closing(overall, totals, seconds, plan.data_dir):
            screen.say(line)


def _set_up(options: DemoOptions, loaded: Loaded, screen: Screen, stack: ExitStack) -> tuple[Plan, Performance]:
    performance = _choose(options, screen)
    stack.callback(performance.close)
    preparing = Preparation(data_dir(options))
    stack.callback(preparing.close)
    broker = stack.enter_context(EmbeddedBroker(all_topics()))
    stack.callback(performance.close)  # again, so that it comes before the broker's: agents hand in what they have
    plan = make_plan(options, loaded, broker.bootstrap)
    performance.set_up()
    _continue(plan, preparing.log_starts())
    if plan.console and plan.console.text != options.console:
        screen.say(f"{options.console} is taken, so the console will be at {plan.console.text}.")
    return plan, performance


def _choose(options: DemoOptions, screen: Screen) -> Performance:
    """The performance that this machine and the command line allow. Says so first: readers of the first line know what they see."""
    where = data_dir(options)
    if not options.traffic:
        watched = options.cgroup or "the whole machine"
        screen.say(f"weir demo: watching {watched}, with Kafka embedded and the tables in {where}.")
        return CgroupPerformance(options.cgroup)
    if reason := why_no_capture() or why_no_lab():
        screen.say(f"weir demo: no eBPF here ({reason}), so this plays a recording, its times moved to now. The tables are in {where}.")
        return RecordingPerformance()
    screen.say(f"weir demo: a small shop on three nodes (network namespaces), an agent on each, Kafka embedded, the tables in {where}.")
    return LabPerformance()


def _continue(plan: Plan, starts: Mapping[int, int]) -> None:
    """Has the new Kafka's log go on where the tables' ends."""
    remember_data_dir(plan.data_dir)
    continue_log(plan.bootstrap, GROUP, FLOWS_TOPIC, starts)


def _perform(
    plan: Plan, performance: Performance, duration: float | None, screen: Screen, stop: threading.Event, stack: ExitStack
) -> tuple[Gauge, float]:
    """From the worker's start until everything that was counted is in the tables, and how many seconds that was.

    The worker stays, to answer questions.
    """
    worker = Child("the worker", plan.arguments("worker"), plan.worker_settings(), plan.echo)
    stack.callback(worker.close)
    since_us = time.time_ns() // 1000 // (plan.window_seconds * 1_000_000) * plan.window_seconds * 1_000_000
    performance.start(plan)
    gauge = _open_gauge(plan, worker, since_us)
    console = _open_console(plan, screen, stop, stack)
    said = performance.play(stop)
    until = "Ctrl-C ends it" if duration is None else f"for {duration:g} s"
    screen.say(f"{said} Windows of {plan.window_seconds} s, {until}. Elsewhere: WEIR_KAFKA_BOOTSTRAP={plan.bootstrap} weir tail")
    began = time.monotonic()
    deadline = None if duration is None else began + duration

    def healthy() -> None:
        worker.check()
        performance.check()
        if console:
            console.check()

    _watch(gauge, screen, healthy, lambda: stop.is_set() or _over(deadline), stop)
    screen.say("Ending: the traffic stops, the agents hand in their last window, the worker writes what is left ...")
    performance.stop()
    seconds = time.monotonic() - began
    _drain(plan, gauge, worker, screen)
    return gauge, seconds


def _open_gauge(plan: Plan, worker: Child, since_us: int) -> Gauge:
    """Waits until the worker holds the tables: to ask before would be to take them from it."""
    ready = plan.data_dir / "query.sock"

    def answers() -> bool:
        worker.check()
        return ready.exists()

    await_condition(answers, WORKER_SECONDS, threading.Event(), lambda: worker.failed("did not open the tables in time"))
    return Gauge(open_sink(plan.clickhouse_url, read_only=True), plan.metrics_url, since_us)


def _open_console(plan: Plan, screen: Screen, stop: threading.Event, stack: ExitStack) -> Child | None:
    """Says where it is once it can be opened there."""
    if plan.console is None:
        return None
    console = start_console(plan.console, plan.arguments("console"), plan.console_settings(), plan.echo)
    stack.callback(console.close)
    await_console(console, plan.console, stop)
    screen.locate(url_of(plan.console))
    return console


def _watch(gauge: Gauge, screen: Screen, healthy: Callable[[], None], over: Callable[[], bool], stop: threading.Event) -> None:
    while not over():
        healthy()
        _show(gauge, screen)
        stop.wait(TICK_SECONDS)


def _drain(plan: Plan, gauge: Gauge, worker: Child, screen: Screen) -> None:
    """Waits until the worker has committed all that is in Kafka; nothing is held back for longer than the hold."""
    flows = next(topic for topic in all_topics() if topic.name == FLOWS_TOPIC)
    offsets = GroupOffsets(plan.bootstrap, GROUP, flows.name, flows.partitions)
    deadline = time.monotonic() + plan.hold_seconds + DRAIN_SECONDS
    pause = threading.Event()
    try:
        while behind := offsets.behind():
            worker.check()
            if time.monotonic() > deadline:
                raise worker.failed(f"left {behind} messages of the embedded Kafka unwritten after {plan.hold_seconds + DRAIN_SECONDS:g} s")
            _show(gauge, screen)
            pause.wait(TICK_SECONDS / 2)
        screen.show(gauge.read(final=True))
    finally:
        offsets.close()


def _show(gauge: Gauge, screen: Screen) -> None:
    try:
        screen.show(gauge.read())
    except Unavailable:
        return  # the tables are busy: the next reading will do


def _over(deadline: float | None) -> bool:
    return deadline is not None and time.monotonic() >= deadline
