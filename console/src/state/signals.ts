/** What can be worse than usual of an edge: in words, and how its figures are shown. */
import { count, micros, percent } from "./format";

export interface Signal {
  label: string;
  /** Its figure in as few words as can be said. */
  short: (now: string) => string;
  /** What is counted in `bad` of `tried`. */
  bad: string;
  tried: string;
  show: (value: number) => string;
}

const share = (value: number): string => percent(value);

export const SIGNALS: Record<string, Signal> = {
  failure: { short: (now) => `${now} fail`, label: "connects fail", bad: "failed", tried: "connects", show: share },
  reset: { short: (now) => `${now} cut off`, label: "connections are cut off", bad: "reset", tried: "connections", show: share },
  retransmit: { short: (now) => `${now} lost`, label: "packets are lost", bad: "sent again", tried: "packets", show: share },
  rtt: { short: (now) => `${now} round trip`, label: "round trips are slow", bad: "slow", tried: "round trips", show: micros },
  connect: { short: (now) => `${now} to connect`, label: "connecting takes long", bad: "slow", tried: "connects", show: micros },
  silence: { short: () => "silent", label: "has fallen silent", bad: "missing", tried: "expected", show: (value) => `${count(value)} in 5 min` },
};

const UNKNOWN: Signal = { short: (now) => now, label: "is worse", bad: "bad", tried: "tried", show: count };

export const signalOf = (name: string): Signal => SIGNALS[name] ?? { ...UNKNOWN, label: name || UNKNOWN.label };
