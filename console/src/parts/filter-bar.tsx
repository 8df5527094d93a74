/** The filter: one line of text, with what may come next below it. The page knows nothing of its grammar. */
import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { ApiError, get } from "../api/client";
import type { Completion, Problem } from "../api/types";
import { bytes } from "../state/format";
import { go, view } from "../state/view";

export function FilterBar() {
  const input = useRef<HTMLInputElement>(null);
  const text = useSignal(view.value.q);
  const found = useSignal<Completion | null>(null);
  const chosen = useSignal(-1);
  const problem = useSignal<Problem | null>(null);
  const asked = useRef<AbortController | null>(null);
  const shown = useComputed(() => found.value?.candidates ?? []);
  useSignalEffect(() => {
    text.value = view.value.q;
  });

  const close = (): void => {
    found.value = null;
    chosen.value = -1;
  };
  const ask = async (): Promise<void> => {
    const caret = input.current?.selectionStart ?? text.value.length;
    asked.current?.abort();
    asked.current = new AbortController();
    const { from, to } = view.value;
    try {
      found.value = (await get<{ data: Completion }>("complete", { q: text.value, at: caret, from, to }, asked.current.signal)).data;
      chosen.value = -1;
    } catch {
      close();
    }
  };
  const apply = async (): Promise<void> => {
    close();
    try {
      await get("parse", { q: text.value });
      problem.value = null;
      go({ q: text.value.trim() });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      problem.value = error.problem;
      input.current?.setSelectionRange(error.problem.start ?? 0, error.problem.end ?? text.value.length);
    }
  };
  const take = (candidate: string): void => {
    const at = found.value;
    if (!at) return;
    const behind = at.wanted === "value" ? " " : at.wanted === "operator" && candidate === "in" ? " (" : "";
    text.value = text.value.slice(0, at.start) + (candidate === "in" ? " in" : candidate) + behind + text.value.slice(at.end);
    const caret = at.start + candidate.length + behind.length + (candidate === "in" ? 1 : 0);
    queueMicrotask(() => {
      input.current?.focus();
      input.current?.setSelectionRange(caret, caret);
      void ask();
    });
  };
  const key = (event: KeyboardEvent): void => {
    const count = shown.value.length;
    if (event.key === "ArrowDown" && count) chosen.value = (chosen.value + 1) % count;
    else if (event.key === "ArrowUp" && count) chosen.value = (chosen.value + count - 1) % count;
    else if ((event.key === "Enter" || event.key === "Tab") && chosen.value >= 0) take(shown.value[chosen.value]?.text ?? "");
    else if (event.key === "Enter") void apply();
    else if (event.key === "Escape") {
      if (found.value) close();
      else input.current?.blur();
    } else return;
    if (event.key !== "Tab" || chosen.value >= 0) event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div class="filter" role="search">
      <input
        ref={input}
        id="filter"
        type="text"
        spellcheck={false}
        autocomplete="off"
        placeholder="Filter: client=checkout server=pay* failed>0   ( / )"
        aria-label="Filter"
        role="combobox"
        aria-expanded={shown.value.length > 0}
        aria-controls="candidates"
        aria-activedescendant={chosen.value >= 0 ? `candidate-${chosen.value}` : undefined}
        aria-invalid={problem.value ? "true" : undefined}
        aria-describedby={problem.value ? "filter-problem" : undefined}
        value={text.value}
        onInput={(event) => {
          text.value = event.currentTarget.value;
          problem.value = null;
          void ask();
        }}
        onFocus={() => void ask()}
        onBlur={() => setTimeout(close, 150)}
        onKeyDown={key}
      />
      {view.value.q ? (
        <button class="plain clear" aria-label="Remove the filter" onClick={() => go({ q: "" })}>
          ×
        </button>
      ) : null}
      <ul id="candidates" role="listbox" aria-label="Completions" hidden={shown.value.length === 0}>
        {shown.value.map((candidate, at) => (
          <li
            id={`candidate-${at}`}
            role="option"
            aria-selected={at === chosen.value}
            onMouseDown={(event) => {
              event.preventDefault();
              take(candidate.text);
            }}
          >
            <span>{candidate.text}</span>
            {candidate.bytes !== null ? <small>{bytes(Number(candidate.bytes))}</small> : null}
          </li>
        ))}
      </ul>
      {problem.value ? (
        <p id="filter-problem" class="problem" role="alert">
          {problem.value.detail}
        </p>
      ) : null}
    </div>
  );
}
