/** Kinds of findings in words: what it is called, what was seen, and what one would look at. */
import { SIGNALS } from "./signals";

interface Kind {
  label: string;
  means: string;
}

export const KINDS: Record<string, Kind> = {
  new_edge: { label: "new call", means: "It had not called this server before." },
  scan: { label: "scan", means: "Most of its first contacts fail: it tries ends that do not answer." },
  fan_out: { label: "fan-out", means: "It calls many more servers than it usually does." },
  beacon: { label: "beacon", means: "It calls at even intervals, as a program does that reports to someone." },
  external: { label: "unexpected outside end", means: "It calls an outside end that it is not known to call." },
  exfiltration: { label: "data leaving", means: "It sends far more than it usually does." },
  flood: { label: "flood", means: "It gets far more packets or connections than it usually does, from many." },
  listening: { label: "new listening port", means: "It is called on a port on which it was not called before." },
  drift: { label: "outside of its segment", means: "It calls what its role does not call." },
  storm: { label: "storm", means: "So much was found at once that it is told as one." },
};

export const SECURITY: readonly string[] = Object.keys(KINDS);

export const kindOf = (name: string): Kind => KINDS[name] ?? { label: SIGNALS[name]?.label ?? name.replaceAll("_", " "), means: "" };
