/** Verdicts about a path, in words. */
interface Told {
  sign: string;
  head: string;
  kind: "good" | "bad" | "warn" | "quiet";
}

const VERDICTS: Record<string, Told> = {
  works: { sign: "✓", head: "It works", kind: "good" },
  established: { sign: "✓", head: "It works on connections that were there before", kind: "good" },
  failing: { sign: "✗", head: "It fails", kind: "bad" },
  broke: { sign: "✗", head: "It broke", kind: "bad" },
  flaky: { sign: "≈", head: "It works at times", kind: "warn" },
  pending: { sign: "…", head: "It is not decided yet", kind: "warn" },
  no_attempts: { sign: "○", head: "Nobody tries", kind: "quiet" },
  unknown: { sign: "?", head: "It is not known", kind: "quiet" },
};

export const verdictOf = (name: string): Told => VERDICTS[name] ?? { sign: "?", head: name ? name.replaceAll("_", " ") : "It is not known", kind: "quiet" };
