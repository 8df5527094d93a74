/** Cells of an answer's columns. A column that is absent is not known. */
import type { Columns } from "../api/types";
import { number } from "./format";

export const textAt = (data: Columns, name: string, row: number): string => String(data[name]?.[row] ?? "");
export const numberAt = (data: Columns, name: string, row: number): number | null => (data[name]?.[row] == null ? null : number(data[name]?.[row]));
export const rowsOf = (data: Columns | undefined): number => Math.max(0, ...Object.values(data ?? {}).map((column) => column.length));

/** The same columns with these rows alone. */
export const taken = (data: Columns, rows: readonly number[]): Columns =>
  Object.fromEntries(Object.entries(data).map(([name, column]) => [name, rows.map((row) => column[row] ?? null)]));
