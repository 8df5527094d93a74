/** Longer spans, where the one that is looked at is too short to say much. */
import { now } from "../state/status";
import { PRESETS, spanOf } from "../state/time";
import { go, view } from "../state/view";

/** `least`: seconds from which on the span says enough. */
export function Longer({ least }: { least: number }) {
  const { from, to } = spanOf(view.value, now());
  if (to - from >= least) return null;
  const longer = PRESETS.filter((one) => now() - spanOf({ from: one.from, to: "now" }, now()).from >= least).slice(0, 2);
  return (
    <span class="quiet">
      A longer span says more:{" "}
      {longer.map((one) => (
        <button class="plain link" onClick={() => go({ from: one.from, to: "now" })}>last {one.label}</button>
      ))}
    </span>
  );
}
