"""All that a watch remembers, and its form at rest: small JSON entries that depend on the content only.

Entries: `progress` (offsets, watermarks, counts), `blocks` (the open block and the last ones), `slice/<n>` (an open
slice), `signal/<name>`, `told/<name>` while its alert stands, `volume` (open windows), `usual` (what was learned of
them), and `commands` once there were any. Slices that are complete do not change any more, so writing what differs is
cheap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from drift.alert import Alert
from drift.baseline import Baseline
from drift.blocks import Block, OpenBlock, Span, Tally
from drift.cells import ordered
from drift.command import Standing
from drift.detectors import DetectorBench, DetectorState
from drift.evidence import Evidence
from drift.gate import levels_of
from drift.phases import Phase, Sample
from drift.progress import PartitionProgress, clock
from drift.settings import DetectorSpec, DriftSettings
from drift.signal_state import SignalState, fed_values, fresh_signal
from drift.signals import Signal
from drift.usual import Learning
from drift.windows import Windows

FORMAT = 2
_TOLD = "told/"
VOLUME_FORMAT = 1

_Entry = TypeVar("_Entry", bound=msgspec.Struct)


class StateError(ValueError):
    """These entries are no state of this watch: another format or reference profile wrote them, or one is damaged."""


class Counts(msgspec.Struct, frozen=True, omit_defaults=True):
    """Totals since the watch began. `late`: events that came after their slice had closed; `overlapping`: events of
    offset ranges that were counted in part before; `foreign`: observations of another model, version or profile."""

    events: int = 0
    late: int = 0
    overlapping: int = 0
    foreign: int = 0
    blocks: int = 0


@dataclass
class WatchState:
    """State of one watch. `Watch.observe` never changes the one it is given."""

    profile: str
    slice_ms: int
    window_ms: int
    specs: tuple[DetectorSpec, ...]
    signals: dict[str, SignalState]
    chosen: dict[str, tuple[DetectorSpec, ...]] = field(default_factory=dict)
    """Detectors of the signals that have others than `specs`."""
    partitions: dict[int, PartitionProgress] = field(default_factory=dict)
    frontier: int | None = None
    counts: Counts = field(default_factory=Counts)
    slices: dict[int, Tally] = field(default_factory=dict)
    block: OpenBlock | None = None
    gathered: Block | None = None
    spans: list[Span] = field(default_factory=list)
    standing: Standing = field(default_factory=Standing)
    told: dict[str, Alert] = field(default_factory=dict)
    """The alerts that stand, by signal, as they were told last: what there is to end them by without the profile."""
    windows: Windows = field(default_factory=Windows)
    learning: Learning = field(default_factory=Learning)
    furthest: dict[str, float] | None = None
    """Of the signals as they are, kept because most observations close no block; None: to be worked out."""

    def separate_signals(self, shared: dict[str, SignalState]) -> None:
        """Before the first change of the signals: have copies of those that another state has too."""
        if self.signals is shared:
            self.signals = {name: signal.copy() for name, signal in shared.items()}
            self.furthest = None

    def apart(self) -> WatchState:
        """A state to change apart from this one, its signals too."""
        state = self.copy()
        state.separate_signals(self.signals)
        return state

    def copy(self) -> WatchState:
        """A state to change apart from this one, but for the signals: those are copied when a block closes."""
        return WatchState(
            self.profile,
            self.slice_ms,
            self.window_ms,
            self.specs,
            self.signals,
            self.chosen,
            dict(self.partitions),
            self.frontier,
            self.counts,
            dict(self.slices),
            self.block,
            self.gathered,
            list(self.spans),
            self.standing,
            dict(self.told),
            self.windows.copy(),
            self.learning,
            self.furthest,
        )

    def dump(self) -> dict[str, bytes]:
        """Every entry under its name."""
        entries: dict[str, msgspec.Struct] = {
            "progress": _Progress(
                FORMAT,
                self.profile,
                self.slice_ms,
                self.specs,
                dict(sorted(self.partitions.items())),
                self.frontier,
                self.counts,
            ),
            "blocks": _Blocks(
                OpenBlock(self.block.first, _sorted_tally(self.block.tally)) if self.block else None,
                replace(self.gathered, tally=_sorted_tally(self.gathered.tally)) if self.gathered else None,
                [replace(span, offsets=dict(sorted(span.offsets.items()))) for span in self.spans],
            ),
        }
        entries |= {f"slice/{number}": _sorted_tally(tally) for number, tally in sorted(self.slices.items())}
        if self.windows != Windows():
            entries["volume"] = _Volume(
                VOLUME_FORMAT,
                self.window_ms,
                dict(sorted(self.windows.open.items())),
                self.windows.frontier,
                self.windows.unknown,
                self.windows.empty,
            )
            entries["usual"] = self.learning
        if self.standing != Standing():
            entries["commands"] = self.standing
        entries |= {f"signal/{name}": _at_rest(signal, self.chosen.get(name)) for name, signal in self.signals.items()}
        entries |= {f"{_TOLD}{name}": alert for name, alert in self.told.items()}
        return {name: msgspec.json.encode(entry) for name, entry in entries.items()}


class _Progress(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    profile: str
    slice_ms: int
    specs: tuple[DetectorSpec, ...]
    partitions: dict[int, PartitionProgress]
    frontier: int | None
    counts: Counts


class _Blocks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    open: OpenBlock | None
    gathered: Block | None
    spans: list[Span]


class _Volume(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    window_ms: int
    open: dict[int, int]
    frontier: int | None
    unknown: tuple[int, int] | None
    empty: int


class _Signal(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    phase: Phase
    anchors: dict[str, float]
    history: list[Sample]
    detectors: dict[str, tuple[DetectorState, ...]]
    evidence: dict[str, Evidence]
    specs: tuple[DetectorSpec, ...] | None = None
    """Where the signal has detectors of its own."""
    baseline: Baseline | None = None


def load_state(
    entries: Mapping[str, bytes],
    profile: str,
    settings: DriftSettings,
    signals: tuple[Signal, ...],
    benches: Mapping[str, DetectorBench],
) -> WatchState:
    """Build a state from its entries; those of no state at all give a fresh one. Raises StateError."""
    state = WatchState(
        profile,
        settings.slice_ms,
        settings.window_ms,
        settings.detectors,
        {signal.key: fresh_signal(signal, benches[signal.key]) for signal in signals},
        {key: bench.specs for key, bench in benches.items() if bench.specs != settings.detectors},
    )
    if not entries:
        return state
    progress = _read(entries, "progress", _progress)
    if progress.format != FORMAT or progress.profile != profile:
        raise StateError(
            f"drift state of format {progress.format} and profile {progress.profile}, expected format {FORMAT} and"
            f" profile {profile}: the model's reference changed under its version; start this model's state afresh"
        )
    blocks = _read(entries, "blocks", _blocks)
    state.partitions, state.frontier, state.counts = dict(progress.partitions), progress.frontier, progress.counts
    state.block, state.gathered, state.spans = blocks.open, blocks.gathered, blocks.spans
    state.slices = {
        int(name.removeprefix("slice/")): _read(entries, name, _tally) for name in entries if name.startswith("slice/")
    }
    if settings.volume_window_ms and "volume" in entries:
        _revive_volume(state, _read(entries, "volume", _volume), _read(entries, "usual", _learning))
    if "commands" in entries:
        state.standing = _read(entries, "commands", _standing)
    state.told = _load_told(entries)
    for signal in signals:
        if f"signal/{signal.key}" in entries:
            rest, bench = _read(entries, f"signal/{signal.key}", _signal), benches[signal.key]
            known = (rest.specs or progress.specs) == bench.specs
            state.signals[signal.key] = _revived(signal, bench, rest, detectors_kept=known)
    if progress.slice_ms != settings.slice_ms:
        _reslice(state, progress.slice_ms)
    return state


def told_last(entries: Mapping[str, bytes]) -> tuple[list[Alert], int | None]:
    """The alerts that stand by the entries of any state, and the event time that it had come to, in ms. Raises
    StateError."""
    until = clock(_read(entries, "progress", _progress).partitions) if "progress" in entries else None
    return [alert for _, alert in sorted(_load_told(entries).items())], until


def _load_told(entries: Mapping[str, bytes]) -> dict[str, Alert]:
    return {name.removeprefix(_TOLD): _read(entries, name, _alert) for name in entries if name.startswith(_TOLD)}


_progress, _blocks = msgspec.json.Decoder(_Progress), msgspec.json.Decoder(_Blocks)
_tally, _signal = msgspec.json.Decoder(Tally), msgspec.json.Decoder(_Signal)
_standing, _alert = msgspec.json.Decoder(Standing), msgspec.json.Decoder(Alert)
_volume, _learning = msgspec.json.Decoder(_Volume), msgspec.json.Decoder(Learning)


def _read(entries: Mapping[str, bytes], name: str, decoder: msgspec.json.Decoder[_Entry]) -> _Entry:
    try:
        return decoder.decode(entries[name])
    except KeyError as error:
        raise StateError(f"drift state has no entry {name!r}: its snapshot is not complete") from error
    except msgspec.MsgspecError as error:
        raise StateError(f"drift state entry {name!r} cannot be read ({error})") from error


def _revive_volume(state: WatchState, rest: _Volume, learning: Learning) -> None:
    """Windows of another width are no measure of these: the volume is learned anew."""
    if rest.format != VOLUME_FORMAT:
        raise StateError(f"the volume is of format {rest.format}, expected {VOLUME_FORMAT}")
    if rest.window_ms == state.window_ms:
        state.windows = Windows(dict(rest.open), rest.frontier, rest.unknown, rest.empty)
        state.learning = learning


def _at_rest(signal: SignalState, specs: tuple[DetectorSpec, ...] | None) -> _Signal:
    return _Signal(
        signal.phase,
        signal.anchors,
        [replace(sample, cells=ordered(sample.cells)) for sample in signal.history],
        {name: tuple(detector.dump() for detector in bench) for name, bench in signal.detectors.items()},
        {name: evidence for name, evidence in sorted(signal.evidence.items()) if evidence.most.nats},
        specs,
        replace(signal.baseline, sample=replace(signal.baseline.sample, cells=ordered(signal.baseline.sample.cells)))
        if signal.baseline
        else None,
    )


def _revived(signal: Signal, bench: DetectorBench, rest: _Signal, *, detectors_kept: bool) -> SignalState:
    state = SignalState(dict(rest.anchors), {}, list(rest.history), rest.phase, dict(rest.evidence), rest.baseline)
    signal = signal.rebased(rest.baseline)
    for statistic in signal.statistics:
        state.anchors.setdefault(statistic.name, statistic.reference.stable)
    values = [fed_values(bench, signal, state, levels_of(signal, sample)) for sample in state.history]
    for statistic in signal.detected:
        recent = tuple(value for fed in values for value in fed.get(statistic.name, ()))
        rested = rest.detectors.get(statistic.name, ()) if detectors_kept else ()
        state.detectors[statistic.name] = bench.restore(rested, recent)
    return state


def _reslice(state: WatchState, old_ms: int) -> None:
    """The block length was changed: open slices do not fit the new ones, so their events are counted as late."""
    waiting = sum(tally.events for tally in state.slices.values()) + (state.block.tally.events if state.block else 0)
    state.counts = replace(state.counts, late=state.counts.late + waiting)
    last = max(state.slices, default=-1)
    if state.frontier is not None:
        closed_ms = max(state.frontier, last + 1) * old_ms
        state.frontier = -(-closed_ms // state.slice_ms)
    state.slices, state.block = {}, None


def _sorted_tally(tally: Tally) -> Tally:
    return Tally(tally.events, ordered(tally.cells), dict(sorted(tally.offsets.items())))
