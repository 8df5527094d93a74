/** Two dimensions against each other. A matrix is read better than lines where nearly all talk to nearly all. */
import type { Columns } from "../api/types";
import { number } from "../state/format";

interface Props {
  data: Columns;
  dimensions: readonly string[];
  metric: string;
  show: (value: number) => string;
  pick: (names: readonly string[]) => void;
}

export function Matrix({ data, dimensions, metric, show, pick }: Props) {
  const [first, second] = [data[dimensions[0] ?? ""] ?? [], data[dimensions[1] ?? ""] ?? []].map((column) => column.map(String));
  const values = (data[metric] ?? []).map(number);
  const cells = new Map(values.map((value, at) => [`${first?.[at]}\n${second?.[at]}`, value]));
  const ranked = (names: string[]): string[] => {
    const sums = new Map<string, number>();
    names.forEach((name, at) => sums.set(name, (sums.get(name) ?? 0) + (values[at] ?? 0)));
    return [...sums.keys()].sort((a, b) => (sums.get(b) ?? 0) - (sums.get(a) ?? 0));
  };
  const rows = ranked(first ?? []);
  const columns = ranked(second ?? []);
  const most = Math.max(1, ...values);
  return (
    <div class="matrix">
      <table aria-label={`${metric} of ${dimensions.join(" and ")}`}>
        <thead>
          <tr>
            <th scope="col">{dimensions.join(" \\ ").replaceAll("_", " ")}</th>
            {columns.map((name) => (
              <th scope="col">
                <span>{name || "no name"}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr>
              <th scope="row">{row || "no name"}</th>
              {columns.map((column) => {
                const value = cells.get(`${row}\n${column}`);
                return value ? (
                  <td>
                    <button
                      class="cell"
                      style={{ "--share": `${Math.round(8 + 42 * (Math.log1p(value) / Math.log1p(most)) ** 2)}%` }}
                      title={`${row} → ${column}: ${show(value)}`}
                      onClick={() => pick([row, column])}
                    >
                      {show(value)}
                    </button>
                  </td>
                ) : (
                  <td />
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
