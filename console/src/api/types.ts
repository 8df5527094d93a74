/** What the API answers. Columns are lists of equal length; integers beyond 2^53 are text. */
export type Value = string | number | boolean | null | Value[];
export type Columns = Record<string, Value[]>;

export interface Lost {
  flows: number;
  packets: number;
  bytes: number;
}

export interface Meta {
  from: string;
  to: string;
  table: string;
  step: number | null;
  complete_until: string | null;
  lost: Lost;
  /** Share of the bytes of which an end has no name; null: there are no bytes. */
  unnamed: number | null;
  other: Record<string, Value>;
  total: Record<string, Value>;
  groups?: number;
  sql: string;
  warnings: string[];
  generation: string;
  next?: string | null;
  fold?: string;
  /** Of an answer without rows: the terms of the filter that exclude all. */
  excluded?: string[];
  rest?: Record<string, Value>;
}

export interface Answer {
  data: Columns;
  meta: Meta;
}

export interface GroupsAnswer {
  data: { nodes: Columns; edges: Columns };
  meta: Meta;
}

export interface Status {
  now: string;
  complete_until: string | null;
  newest: string | null;
  window_seconds: number;
  nodes: { known: number; reporting: number; silent: string[] | null };
  lost: Lost;
  agents: Record<string, number>;
  version: string;
  tables: Record<string, { oldest: string }>;
  generation: string;
}

export interface Completion {
  start: number;
  end: number;
  wanted: "field" | "operator" | "value";
  candidates: { text: string; bytes: number | null; meaning?: string | null }[];
}

export interface Term {
  text: string;
  start: number;
  end: number;
  /** What it speaks of; null: of more than one thing. */
  field?: string | null;
}

export interface Parsed {
  /** The shortest form of the filter. */
  text: string;
  terms?: Term[];
}

export interface Problem {
  title: string;
  status: number;
  detail: string;
  parameter?: string;
  start?: number;
  end?: number;
  expected?: string[];
}
