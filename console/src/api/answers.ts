/** The answers beyond sums. Any member may be absent: what is not told is not known. */
import type { Columns, Meta } from "./types";

export interface Answered<T> {
  data: Partial<T>;
  meta: Partial<Meta>;
}

export interface Path {
  client: string;
  server: string;
  protocol: string;
  service_port: number | null;
  verdict: string;
  ok: boolean | null;
  sentence: string;
  /** Bounds of the share of attempts that succeed. */
  share: { low: number; high: number } | null;
  opened: number;
  failed: number;
  refused: number;
  timed_out: number;
  reset: number;
  bytes: number;
  last_success: string | null;
  first_failure: string | null;
  first_success: string | null;
  last_failure: string | null;
  evidence: Columns;
  reasons: string[];
}

export interface Cost {
  currency: string;
  prices: { source?: string; as_of?: string };
  estimate: string;
  /** Decimal text, as every amount of money. */
  total: string | null;
  classes: Columns;
  rows: Columns;
  /** Of the rows that are not told. */
  other: { rows: number; bytes: number | string; cost: string | null };
  unpriced: Columns;
  savings: Columns;
}

export interface Segments {
  roles: Columns;
  edges: Columns;
  cut: Columns;
  policies: string | null;
  needs: string[];
  /** Edges that were put to the policies. */
  checked: number;
}

export interface Forecast {
  series: Columns;
  groups: Columns;
}
