/** A row of /health in words: which edge, what of it, and how it is against how it usually is. */
import type { Columns } from "../api/types";
import { Gauge } from "../charts/gauge";
import { numberAt, textAt } from "../state/columns";
import { edgeAt, onMap } from "../state/edge";
import { count } from "../state/format";
import { signalOf } from "../state/signals";
import { go } from "../state/view";

/** 34 %, usually 0.2 %. */
export function against(data: Columns, row: number): string {
  const { show } = signalOf(textAt(data, "signal", row));
  const [now, usual] = [numberAt(data, "now", row), numberAt(data, "usual", row)];
  return [now === null ? "" : show(now), usual === null ? "" : `usually ${show(usual)}`].filter(Boolean).join(", ");
}

export function EdgeName({ data, row, plain }: { data: Columns; row: number; plain?: boolean }) {
  const edge = edgeAt(data, row);
  const name = (
    <>
      {edge.client || several(numberAt(data, "clients", row), "clients")} → {edge.server || several(null, "servers")}
      {edge.port ? <span class="quiet">:{edge.port}</span> : null}
    </>
  );
  if (plain || (!edge.client && !edge.server)) return <span>{name}</span>;
  return (
    <button class="plain edge-name" title="On the map, with its figures" onClick={() => go(onMap(edge))}>
      {name}
    </button>
  );
}

/** An end that a row has not: it is of several, or has no name. */
const several = (number: number | null, what: string) => <i>{number === null ? `several ${what}` : number > 1 ? `${count(number)} ${what}` : "no name"}</i>;

/** Now and usual, drawn small, with the bounds of now in words. */
export function Against({ data, row }: { data: Columns; row: number }) {
  const { show } = signalOf(textAt(data, "signal", row));
  const [now, usual, low, high] = [numberAt(data, "now", row), numberAt(data, "usual", row), numberAt(data, "low", row), numberAt(data, "high", row)];
  const bounds = low === null || high === null ? "" : `between ${show(low)} and ${show(high)}`;
  return (
    <span class="against">
      <Gauge now={now} usual={usual} low={low} high={high} label={[against(data, row), bounds].filter(Boolean).join("; ")} />
      <span>
        <b>{now === null ? "–" : show(now)}</b>
        <small>{usual === null ? " usual: not known" : ` usually ${show(usual)}`}</small>
        {bounds ? <small class="bounds-said">{bounds}</small> : null}
      </span>
    </span>
  );
}

/** 312 failed of 910 connects. */
export function Counted({ data, row }: { data: Columns; row: number }) {
  const { bad, tried } = signalOf(textAt(data, "signal", row));
  const [wrong, all] = [numberAt(data, "bad", row), numberAt(data, "tried", row)];
  if (wrong === null && all === null) return <span class="quiet">–</span>;
  return (
    <span>
      {wrong === null ? "" : `${count(wrong)} ${bad}`}
      {all === null ? null : <small>{wrong === null ? "" : " of "}{`${count(all)} ${tried}`}</small>}
    </span>
  );
}
