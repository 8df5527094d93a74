/** An answer of /edges: a sankey, a matrix, or a table. */
import type { Answer } from "../api/types";
import { Matrix } from "../charts/matrix";
import { Sankey } from "../charts/sankey";
import { Table, type Column } from "../parts/table";
import { DIMENSIONS, METRICS } from "../state/dimensions";
import { count, number, percent } from "../state/format";
import type { Asked } from "./explore";
import { Whole } from "./explore-time";

export function Sums({ answer, asked: { shape, metric, dimensions }, pick }: { answer: Answer; asked: Asked; pick: (names: readonly string[]) => void }) {
  const { show, sample, label } = METRICS[metric] ?? { show: count, sample: false, label: metric };
  const drawn = answer.data[dimensions[0] ?? ""]?.length ?? 0;
  const total = number(answer.meta.total[metric]);
  if (shape === "sankey" && sample) return <p class="quiet">A {label} cannot be cut into bands: use the matrix or the table, or another metric.</p>;
  if (shape === "sankey") {
    return (
      <>
        <Sankey data={answer.data} dimensions={dimensions} metric={metric} other={number(answer.meta.other[metric])} show={show} pick={pick} />
        <Whole answer={answer} metric={metric} drawn={drawn} others="one band" />
      </>
    );
  }
  if (shape === "matrix") {
    return (
      <>
        <Matrix data={answer.data} dimensions={dimensions} metric={metric} show={show} pick={pick} />
        <Whole answer={answer} metric={metric} drawn={drawn} others="not listed" />
      </>
    );
  }
  const columns: Column[] = [
    ...dimensions.map((name) => ({ name, label: DIMENSIONS[name] ?? name, show: (value: unknown) => String(value ?? "") || <i>no name</i> })),
    { name: metric, label, numeric: true, show: (value) => (value === null ? "" : show(number(value))) },
    ...(sample ? [] : [{ name: "share", label: "share", numeric: true, show: (_: unknown, row: number) => <Share of={total ? number(answer.data[metric]?.[row]) / total : 0} /> }]),
  ];
  return (
    <>
      <Table
        data={answer.data}
        columns={columns}
        label={`${label} by ${dimensions.join(", ")}`}
        pick={(row) => pick(dimensions.map((name) => String(answer.data[name]?.[row] ?? "")))}
      />
      <Whole answer={answer} metric={metric} drawn={drawn} others="not listed" />
    </>
  );
}

export function Share({ of }: { of: number }) {
  return (
    <span class="share">
      <span class="share-bar" style={{ width: `${Math.round(of * 100)}%` }} aria-hidden="true" />
      {percent(of)}
    </span>
  );
}
