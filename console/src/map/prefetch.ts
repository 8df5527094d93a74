/** Maps of spans that are over: kept, and asked for before they are wanted, so that the map follows a hand on the time bar. */
import { address, get, type Parameters } from "../api/client";
import type { GroupsAnswer } from "../api/types";
import { instant } from "../state/time";

const KEPT = 60;
const AHEAD = 3;
const AT_ONCE = 3;
/** What was kept is not older than this: late flows and recomputations change the past, too. */
const FRESH_MS = 60_000;

interface Known {
  answer: Promise<GroupsAnswer>;
  at: number;
}

export class Answers {
  private readonly known = new Map<string, Known>();
  private asking = 0;
  private last: { from: number; to: number } | null = null;

  /** Only a span between two instants is kept: one that ends now is another at each moment. */
  ask(parameters: Parameters, signal: AbortSignal): Promise<GroupsAnswer> {
    const span = spanOf(parameters);
    if (!span) {
      this.last = null;
      return get("groups", parameters, signal);
    }
    const found = this.kept(parameters);
    this.ahead(parameters, span);
    return found;
  }

  private kept(parameters: Parameters): Promise<GroupsAnswer> {
    const key = address("groups", parameters);
    const known = this.known.get(key);
    if (known && Date.now() - known.at < FRESH_MS) return known.answer;
    this.asking += 1;
    const answer = get<GroupsAnswer>("groups", parameters).finally(() => (this.asking -= 1));
    answer.catch(() => this.known.delete(key));
    this.known.delete(key);
    this.known.set(key, { answer, at: Date.now() });
    for (const oldest of this.known.keys()) {
      if (this.known.size <= KEPT) break;
      this.known.delete(oldest);
    }
    return answer;
  }

  /** The spans that come next if the hand moves on as it did. */
  private ahead(parameters: Parameters, span: { from: number; to: number }): void {
    const by = this.last && span.to - span.from === this.last.to - this.last.from ? span.to - this.last.to : 0;
    this.last = span;
    for (let step = 1; by && step <= AHEAD && this.asking < AT_ONCE; step += 1) {
      const [from, to] = [span.from + by * step, span.to + by * step];
      if (to * 1_000 > Date.now()) return;
      this.kept({ ...parameters, from: instant(from), to: instant(to) }).catch(() => undefined);
    }
  }
}

function spanOf({ from, to }: Parameters): { from: number; to: number } | null {
  const [start, end] = [Date.parse(String(from)), Date.parse(String(to))];
  return Number.isNaN(start) || Number.isNaN(end) ? null : { from: start / 1_000, to: end / 1_000 };
}
