/** A filter cut into the terms that stand side by side in it, by the places that the API tells. */
import type { Term } from "../api/types";

/** What is left without one term. Places are in characters, of which some are two of JavaScript's units; an "and" between terms goes, too. */
export function without(q: string, terms: readonly Term[], gone: Term): string {
  const letters = [...q];
  return terms
    .filter((term) => term !== gone)
    .map((term) => letters.slice(term.start, term.end).join(""))
    .join(" ");
}
