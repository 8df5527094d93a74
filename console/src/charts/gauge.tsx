/** A figure against what it usually is: a bar for its bounds, a dot for the figure, a line for the usual. Words beside it say the same. */
interface Props {
  now: number | null;
  usual: number | null;
  low: number | null;
  high: number | null;
  label: string;
}

const WIDE = 130;
const HIGH = 16;
const EDGE = 5;

export function Gauge({ now, usual, low, high, label }: Props) {
  const most = Math.max(now ?? 0, usual ?? 0, high ?? 0, Number.MIN_VALUE);
  const x = (value: number): number => EDGE + (Math.max(0, value) / most) * (WIDE - 2 * EDGE);
  return (
    <svg class="gauge" width={WIDE} height={HIGH} viewBox={`0 0 ${WIDE} ${HIGH}`} role="img" aria-label={label}>
      <title>{label}</title>
      <line class="axis" x1={EDGE} x2={WIDE - EDGE} y1={HIGH / 2} y2={HIGH / 2} />
      {low !== null && high !== null ? <rect class="bounds" x={x(low)} y={HIGH / 2 - 4} width={Math.max(2, x(high) - x(low))} height={8} rx={2} /> : null}
      {usual !== null ? <line class="usual" x1={x(usual)} x2={x(usual)} y1={1} y2={HIGH - 1} /> : null}
      {now !== null ? <circle class="now" cx={x(now)} cy={HIGH / 2} r={4} /> : null}
    </svg>
  );
}
