/** The page's colours, for a canvas. */
const NAMES = ["bg", "panel", "ink", "dim", "line", "edge", "accent", "bad", "warn", "good"] as const;
export type Palette = Record<(typeof NAMES)[number], string>;

export function palette(element: Element): Palette {
  const probe = document.createElement("span");
  element.append(probe);
  const found = Object.fromEntries(
    NAMES.map((name) => {
      probe.style.color = `var(--${name})`;
      return [name, getComputedStyle(probe).color];
    }),
  );
  probe.remove();
  return found as Palette;
}
