/** Keys of a page: taken where no field is being written in and no dialog is open. "g m" is one after the other, "Ctrl+k" both at once. */
export type Keys = Record<string, () => void>;

const stack: Keys[] = [];
const TOGETHER_MS = 1_500;
let first = "";
let until = 0;

export function onKey(keys: Keys): () => void {
  stack.push(keys);
  return () => {
    stack.splice(stack.indexOf(keys), 1);
  };
}

const WRITING = "input:not([type=checkbox]), select, textarea, [contenteditable]";
const PRESSED = "button, a, summary, [role=button], [role=slider], input";

function taken(event: KeyboardEvent, name: string): boolean {
  if (document.querySelector("dialog[open]")) return true;
  if (name.startsWith("Ctrl+") || !(event.target instanceof Element)) return false;
  if (event.target.matches(WRITING)) return true;
  return [" ", "Enter"].includes(name) && event.target.closest(PRESSED) !== null;
}

const find = (name: string): (() => void) | undefined => stack.findLast((keys) => keys[name] !== undefined)?.[name];
const begins = (name: string): boolean => stack.some((keys) => Object.keys(keys).some((key) => key.startsWith(`${name} `) && key !== `${name} `));

addEventListener("keydown", (event) => {
  if (event.altKey || ["Control", "Shift", "Meta"].includes(event.key) || event.defaultPrevented) return;
  const name = `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${event.key}`;
  if (taken(event, name)) return;
  const both = first && Date.now() < until ? find(`${first} ${name}`) : undefined;
  first = "";
  const run = both ?? find(name);
  if (run) {
    event.preventDefault();
    run();
  } else if (begins(name)) {
    first = name;
    until = Date.now() + TOGETHER_MS;
  }
});
