"""Taking a window from the kernel to the spool so that a crash at any instant neither loses nor repeats a packet.

 1. journal: the window is being taken, and from which map
 2. swap: the kernel counts into the other map; the old one is quiet
 3. read the quiet map, fold it into flows, say who held what, put workloads' names in the place of pods', cut batches
 4. spool: the window is on the disk, whole; and the look that its heartbeats go by
 5. journal: the window is safe
 6. clear the quiet map; from here the sender may publish

A crash before 2 leaves the counts where they were, and they go on. After 2 the quiet map is read again, with the same
result. After 4 the window is found in the spool. After 5 only the clearing is left to do.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bpf.probe import Lost, Probe
from producers import losses
from producers.capture.aggregate import NOTHING, Folded, fold, renamed
from producers.capture.batches import Heartbeat, Source, cut
from producers.capture.clock import Clock
from producers.capture.domains import DomainNames
from producers.capture.encode import BatchEncoder
from producers.capture.heartbeats import HeartbeatTracker, published
from producers.capture.window import Window, window_at
from producers.identity.inventory import Inventory
from producers.identity.last_snapshot import Snapshot, SnapshotFile
from producers.spool.journal import Journal, State
from producers.spool.recovery import account, died_with_memory
from producers.spool.segment import Head, Record, make_segment, packed_size
from producers.spool.spool import Spool
from schemas.failpoints import reach
from schemas.records.flow_batch import Loss

log = logging.getLogger("weir.agent")


@dataclass(frozen=True)
class Account:
    """What one window came to, for the log and for metrics. `lost`: the probe's account.

    `entries`: of the flow map that was read. `domains`: of the map of DNS answers.
    """

    window: Window
    head: Head
    entries: int
    domains: int
    lost: tuple[Lost, ...]


class Collector:
    """`source.epoch` gives way to the state's; all else of `source` stands in every batch."""

    def __init__(
        self,
        probe: Probe,
        inventory: Inventory,
        spool: Spool,
        journal: Journal,
        looks: SnapshotFile,
        clock: Clock,
        encoder: BatchEncoder,
        source: Source,
        state: State,
        batch_flows: int,
    ) -> None:
        self._probe = probe
        self._inventory = inventory
        self._spool = spool
        self._journal = journal
        self._looks = looks
        self._clock = clock
        self._encoder = encoder
        self._source = source
        self._batch_flows = batch_flows
        self._journal_works = True
        self._domains = DomainNames(probe.lost())
        self.state = state

    def set_place(self, zone: str, region: str) -> None:
        """Where the node is, from the next window on."""
        self._source = replace(self._source, zone=zone, region=region)

    @property
    def remembered_domains(self) -> int:
        return self._domains.remembered

    def start(self, seconds: int) -> None:
        """Finishes what a predecessor left unfinished, then begins to watch."""
        look = self._look()
        self._heartbeats = HeartbeatTracker(look.seen, look.at_us, self._inventory.node_workload, self._looks.read())
        died = died_with_memory(self.state)
        self._spool.given_up.note(died)
        arrears = (*died, *self._spool.torn)
        if not self._recover(seconds, look, arrears):
            self._save(replace(self.state, carried=losses.merged((*self.state.carried, *arrears)), at_risk=(0, 0, 0)))
        self._spool.repair()

    def close_window(self, window: Window) -> Account:
        """Steps 1 to 6 for the window that ends, or is broken off, now."""
        if window.start_us <= self.state.window_start_us:
            log.warning("The clock went back to a window that was taken already; a new epoch begins.")
            self._renew()
        self._save(
            replace(
                self.state,
                taking=True,
                slot=self._probe.active_slot(),
                window_start_us=window.start_us,
                window_seconds=window.seconds,
            )
        )
        reach("window.journalled")
        self._probe.swap()
        reach("window.swapped")
        return self._keep(window, self._look())

    def resume(self) -> None:
        """After a window's end that was missed: its counts stay where they are, for the next one."""
        look = self._look(ends_window=False)
        self._heartbeats.resume(look.seen, look.at_us)

    def save_risk(self) -> None:
        """Writes down what only memory holds, if that has changed."""
        totals, since_us = self._spool.at_risk()
        if totals != self.state.at_risk:
            self._save(replace(self.state, at_risk=totals, at_risk_since_us=since_us))

    def _recover(self, seconds: int, look: Snapshot, arrears: tuple[Loss, ...]) -> bool:
        """Whether a window was finished, and the arrears written down with it."""
        state, probe = self.state, self._probe
        swapped = state.slot >= 0 and probe.active_slot() != state.slot
        if state.taking and swapped:
            head = self._spool.head_of(state.next_seq)
            if head is not None:
                self._safe(head, arrears)
            else:
                self._keep(Window(state.window_start_us, state.window_seconds), look, arrears)
            return True
        if swapped:
            probe.clear()
            return False
        if not probe.adopted or not len(probe.read().keys):
            return False
        self._recover_unknown(seconds, look, arrears)
        return True

    def _recover_unknown(self, seconds: int, look: Snapshot, arrears: tuple[Loss, ...]) -> None:
        """A quiet map that no journal speaks of (the state directory was lost, or could not be written) is counted apart."""
        self._renew()
        window = window_at(self._clock.now_us() - seconds * 1_000_000, seconds)
        slot = 1 - self._probe.active_slot()
        self._save(replace(self.state, taking=True, slot=slot, window_start_us=window.start_us, window_seconds=seconds))
        self._keep(window, look, arrears)

    def _look(self, ends_window: bool = True) -> Snapshot:
        held, now_us, offset_ns = self._inventory.look(ends_window), self._clock.now_us(), self._clock.offset_ns()
        return Snapshot(frozenset(held), now_us, {holding: (since + offset_ns) // 1000 for holding, since in held.items()})

    def _renew(self) -> None:
        self.state = replace(self.state, epoch=max(self._clock.now_us(), self.state.epoch + 1), window_start_us=-1)

    def _fold(self, now_us: int) -> tuple[Folded, int, int]:
        """The flows, and how many entries the map of flows and that of DNS answers had."""
        drained, offset_ns = self._probe.read(), self._clock.offset_ns()
        reach("window.drained")
        asked = self._probe.asked(self._clock.now_us() * 1000 - offset_ns)
        named = self._domains.of_rows(drained, asked)
        folded = fold(drained, self._inventory.name, offset_ns, now_us, self._inventory.served, named)
        return folded, len(drained), len(asked.keys)

    def _keep(self, window: Window, look: Snapshot, arrears: tuple[Loss, ...] = ()) -> Account:
        folded, entries, domains = self._fold(look.at_us)
        heartbeats = published(self._heartbeats.heartbeats(look.seen, folded, look.at_us, look.since_us), self._inventory.published)
        folded = renamed(folded, self._inventory.published)
        every_loss = self._probe.lost()
        self._domains.report(every_loss)
        lost = account(every_loss)
        known = (*self.state.carried, *losses.since(self.state.lost, lost, window.start_us))
        records = self._cut(window, folded, heartbeats, known)
        replaces: tuple[int, ...] = ()
        room = self._spool.room_for(packed_size(make_segment(window.start_us, records, known, (), lost)))
        if not room.enough:
            log.error("The spool cannot take window %d: its flows are given up and counted as lost.", window.start_us)
            given_up = _given_up(window, records)
            self._spool.given_up.note(given_up)
            known = (*known, *given_up)
            records = self._cut(window, NOTHING, heartbeats, known)
            room = self._spool.room_for(packed_size(make_segment(window.start_us, records, known, (), lost)))
        if room.replaces:
            known, replaces = losses.merged((*known, *room.losses)), room.replaces
            records = self._cut(window, folded if any(r.flows for r in records) else NOTHING, heartbeats, known)
        segment = make_segment(window.start_us, records, known, replaces, lost)
        dropped = self._spool.add(segment)
        reach("window.spooled")
        self._looks.keep(look)
        self._safe(segment.head, (*dropped, *arrears))
        return Account(window, segment.head, entries, domains, every_loss)

    def _cut(self, window: Window, folded: Folded, heartbeats: Sequence[Heartbeat], known: Sequence[Loss]) -> tuple[Record, ...]:
        source = replace(self._source, epoch=self.state.epoch)
        return self._encoder.pack(cut(source, window, self.state.next_seq, folded, heartbeats, known, self._batch_flows))

    def _safe(self, head: Head, unsent: tuple[Loss, ...]) -> None:
        totals, since_us = self._spool.at_risk()
        self._save(
            replace(
                self.state,
                taking=False,
                next_seq=head.first_seq + head.records,
                lost=dict(head.account),
                carried=losses.merged(unsent),
                at_risk=totals,
                at_risk_since_us=since_us,
            )
        )
        reach("window.safe")
        self._probe.clear()
        reach("window.cleared")

    def _save(self, state: State) -> None:
        """A journal that cannot be written stops no window: what is lost is the protection against a crash."""
        self.state = state
        try:
            self._journal.write(state)
        except OSError as error:
            if self._journal_works:
                log.error("The journal cannot be written (%s); a crash would now cost the window that it hits.", error)
            self._journal_works = False
            return
        self._journal_works = True


def _given_up(window: Window, records: Sequence[Record]) -> tuple[Loss, ...]:
    flows, packets, size = (sum(getattr(r, name) for r in records) for name in ("flows", "packets", "traffic_bytes"))
    return (Loss(window.start_us, "spool", "full", flows, packets, size, records[0].seq),) if flows else ()
