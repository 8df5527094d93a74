/** How grave it is: told by a shape and a word as well as by colour. */
const SIGNS: Record<string, { sign: string; kind: string }> = {
  critical: { sign: "▲", kind: "bad" },
  warning: { sign: "◆", kind: "warn" },
  info: { sign: "●", kind: "quiet" },
};

export function SeveritySign({ severity }: { severity: string }) {
  const { sign, kind } = SIGNS[severity] ?? { sign: "●", kind: "quiet" };
  return (
    <span class={`severity ${kind}`}>
      <span aria-hidden="true">{sign}</span> {severity || "not rated"}
    </span>
  );
}
