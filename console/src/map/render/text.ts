/** Text that fits: shortened in its middle, where names differ least. */
const known = new Map<string, string>();

export function fitting(context: CanvasRenderingContext2D, text: string, room: number): string {
  const key = `${context.font}\n${Math.round(room)}\n${text}`;
  const found = known.get(key) ?? shortened(context, text, room);
  if (known.size > 20_000) known.clear();
  known.set(key, found);
  return found;
}

function shortened(context: CanvasRenderingContext2D, text: string, room: number): string {
  if (context.measureText(text).width <= room) return text;
  const cut = (length: number): string => `${text.slice(0, Math.ceil(length * 0.6))}…${text.slice(text.length - Math.floor(length * 0.4))}`;
  let [low, high] = [1, text.length];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (context.measureText(cut(middle)).width <= room) low = middle;
    else high = middle - 1;
  }
  return cut(low);
}
