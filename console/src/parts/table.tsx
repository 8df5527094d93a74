/** A table of an answer: rows of columns, numbers to the right, sorted by a click on a heading. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import type { Columns, Value } from "../api/types";
import { number } from "../state/format";

export interface Column {
  name: string;
  label: string;
  numeric?: boolean;
  show?: (value: Value, row: number) => ComponentChildren;
}

interface Props {
  data: Columns;
  columns: readonly Column[];
  label: string;
  pick?: (row: number) => void;
}

export function Table({ data, columns, label, pick }: Props) {
  const order = useSignal<{ name: string; down: boolean } | null>(null);
  const length = data[columns[0]?.name ?? ""]?.length ?? 0;
  const rows = Array.from({ length }, (_, at) => at);
  const sorted = order.value;
  if (sorted) {
    const numeric = columns.find((one) => one.name === sorted.name)?.numeric ?? false;
    const values = data[sorted.name] ?? [];
    const compare = (a: number, b: number): number =>
      numeric ? number(values[a]) - number(values[b]) : String(values[a] ?? "").localeCompare(String(values[b] ?? ""));
    rows.sort((a, b) => (sorted.down ? -1 : 1) * compare(a, b) || a - b);
  }
  return (
    <table aria-label={label}>
      <thead>
        <tr>
          {columns.map((column) => (
            <th
              class={column.numeric ? "number" : ""}
              aria-sort={sorted?.name === column.name ? (sorted.down ? "descending" : "ascending") : "none"}
            >
              <button class="plain" onClick={() => (order.value = { name: column.name, down: sorted?.name === column.name ? !sorted.down : (column.numeric ?? false) })}>
                {column.label}
                {sorted?.name === column.name ? (sorted.down ? " ↓" : " ↑") : ""}
              </button>
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr onClick={pick ? () => pick(row) : undefined} class={pick ? "pick" : ""}>
            {columns.map((column) => {
              const value = data[column.name]?.[row] ?? null;
              return <td class={column.numeric ? "number" : ""}>{column.show ? column.show(value, row) : String(value ?? "")}</td>;
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
