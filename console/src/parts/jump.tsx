/** Ctrl-K: a few letters of a workload or of a page, and Enter. */
import { useSignal } from "@preact/signals";
import { get } from "../api/client";
import type { Completion } from "../api/types";
import { bytes } from "../state/format";
import { useLoaded } from "../state/loaded";
import { view, type View, go, PAGES } from "../state/view";
import { Dialog } from "./dialog";

interface Target {
  text: string;
  note: string;
  to: Partial<View>;
}

const LISTED = 12;

export function Jump({ close }: { close: () => void }) {
  const text = useSignal("");
  const chosen = useSignal(0);
  const loaded = useLoaded<{ data: Completion }>(() => {
    const { from, to } = view.value;
    const q = `workload=${text.value.trim() ? quotedPart(text.value.trim()) : ""}`;
    return (signal) => get("complete", { q, at: q.length, from, to, limit: LISTED }, signal);
  });
  const targets = targetsOf(text.value.trim(), loaded.value?.data.candidates ?? []);
  const take = (target: Target | undefined): void => {
    if (!target) return;
    close();
    go(target.to);
  };
  const key = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      chosen.value = (chosen.value + step + targets.length) % Math.max(1, targets.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      const target = targets[chosen.value];
      if (target && event.shiftKey && target.to.page === "map") take({ ...target, to: { page: "workload", rest: { name: bare(target.text) } } });
      else take(target);
    }
  };
  return (
    <Dialog label="Jump to" kind="jump" close={close}>
      <input
        type="text"
        role="combobox"
        aria-label="Workload or page"
        aria-expanded="true"
        aria-controls="targets"
        aria-activedescendant={targets.length ? `target-${chosen.value}` : undefined}
        placeholder="payments, checkout, flows …"
        spellcheck={false}
        autocomplete="off"
        value={text.value}
        onInput={(event) => {
          text.value = event.currentTarget.value;
          chosen.value = 0;
        }}
        onKeyDown={key}
      />
      <ul id="targets" role="listbox" aria-label="Workloads and pages">
        {targets.map((target, at) => (
          <li id={`target-${at}`} role="option" aria-selected={at === chosen.value} onPointerMove={() => (chosen.value = at)} onClick={() => take(target)}>
            <span>{target.text}</span>
            <small>{target.note}</small>
          </li>
        ))}
      </ul>
      <p class="keys">
        {targets.length ? (
          <>
            <kbd>Enter</kbd> on the map · <kbd>Shift Enter</kbd> its own page
          </>
        ) : loaded.busy ? (
          "Asking …"
        ) : (
          "No workload of this span has these letters in its name."
        )}
      </p>
    </Dialog>
  );
}

const bare = (text: string): string => (text.startsWith('"') ? text.slice(1, -1).replaceAll(/\\(.)/g, "$1") : text);
const quotedPart = (text: string): string => text.replaceAll(/[\s()=!<>,"*\\]/g, "");

function targetsOf(text: string, candidates: Completion["candidates"]): Target[] {
  const low = text.toLowerCase();
  const fits = (name: string): boolean => name.toLowerCase().includes(low);
  const pages: Target[] = PAGES.filter((name) => name !== "workload" && text && fits(name)).map((name) => ({ text: name, note: "page", to: { page: name, rest: {} } }));
  const workloads: Target[] = candidates
    .filter((one) => fits(bare(one.text)))
    .map((one) => ({ text: bare(one.text), note: one.bytes === null ? "" : bytes(Number(one.bytes)), to: { page: "map", rest: { sel: `w:${bare(one.text)}` } } }));
  return [...workloads, ...pages].slice(0, LISTED);
}
