/** Keys of a page: taken where no field is being written in, and no modifier is held. */
export type Keys = Record<string, () => void>;

const stack: Keys[] = [];

export function onKey(keys: Keys): () => void {
  stack.push(keys);
  return () => {
    stack.splice(stack.indexOf(keys), 1);
  };
}

const WRITING = "input, select, textarea, [contenteditable]";

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target instanceof Element && event.target.matches(WRITING)) return;
  for (let at = stack.length - 1; at >= 0; at -= 1) {
    const run = stack[at]?.[event.key];
    if (!run) continue;
    event.preventDefault();
    run();
    return;
  }
});
