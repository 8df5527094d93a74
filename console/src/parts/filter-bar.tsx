/** The filter: chips while it is read, one line of text while it is written. The page knows nothing of its grammar. */
import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { ApiError, get } from "../api/client";
import type { Completion, Parsed, Problem, Term } from "../api/types";
import { bytes } from "../state/format";
import { load } from "../state/loaded";
import { without } from "../state/terms";
import { go, view } from "../state/view";

const LEFT_PX = 11;

/** Where the character at `place` stands: the line is in a font of equal widths. */
const column = (place: number): { left: string } => ({ left: `min(calc(${LEFT_PX}px + ${place} * 7.83px), 60%)` });

export function FilterBar() {
  const input = useRef<HTMLInputElement>(null);
  const text = useSignal(view.value.q);
  const writing = useSignal(false);
  const problem = useSignal<Problem | null>(null);
  const terms = useTerms();
  const completion = useCompletion(text, input);
  useSignalEffect(() => {
    text.value = view.value.q;
    problem.value = null;
  });

  const apply = async (): Promise<void> => {
    completion.close();
    const wanted = text.value.trim();
    try {
      if (wanted) await get("parse", { q: wanted });
      problem.value = null;
      go({ q: wanted });
      input.current?.blur();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      problem.value = error.problem;
      text.value = wanted;
    }
  };
  const key = (event: KeyboardEvent): void => {
    event.stopPropagation();
    if (event.ctrlKey || event.metaKey) return;
    if (completion.key(event)) event.preventDefault();
    else if (event.key === "Enter") {
      event.preventDefault();
      void apply();
    } else if (event.key === "Escape") {
      text.value = view.value.q;
      problem.value = null;
      input.current?.blur();
    }
  };
  const write = (from: number, to: number): void => {
    input.current?.focus();
    input.current?.setSelectionRange(from, to);
  };
  const resting = !writing.value && !problem.value && terms.length > 0;
  const { shown, chosen } = completion;
  return (
    <div class="filter" role="search">
      <div class={`filter-line${resting ? " resting" : ""}${problem.value ? " wrong" : ""}`}>
        {problem.value ? <Mirror text={text.value} problem={problem.value} /> : null}
        <input
          ref={input}
          id="filter"
          type="text"
          spellcheck={false}
          autocomplete="off"
          placeholder={writing.value ? "client=checkout server=pay* failed>0" : "Filter: client=checkout server=pay* failed>0   ( / )"}
          aria-label="Filter"
          role="combobox"
          aria-autocomplete="list"
          aria-expanded={shown.length > 0}
          aria-controls="candidates"
          aria-activedescendant={chosen >= 0 ? `candidate-${chosen}` : undefined}
          aria-invalid={problem.value ? "true" : undefined}
          aria-describedby={problem.value ? "filter-problem" : undefined}
          value={text.value}
          onInput={(event) => {
            text.value = event.currentTarget.value;
            problem.value = null;
            void completion.ask();
          }}
          onFocus={() => {
            writing.value = true;
            void completion.ask();
          }}
          onBlur={() => {
            writing.value = false;
            completion.close();
          }}
          onClick={() => void completion.ask()}
          onKeyDown={key}
        />
        {resting ? <Chips terms={terms} write={write} /> : null}
        {view.value.q ? (
          <button class="plain clear" aria-label="Remove the filter" title="Remove the filter" onClick={() => go({ q: "" })}>
            ×
          </button>
        ) : null}
      </div>
      <div hidden={shown.length === 0}>
        <ul id="candidates" role="listbox" tabIndex={-1} aria-label="Completions" style={column(completion.start)}>
          {shown.map((candidate, at) => (
            <li
              id={`candidate-${at}`}
              role="option"
              aria-selected={at === chosen}
              onMouseDown={(event) => {
                event.preventDefault();
                completion.take(at);
              }}
            >
              <span>{candidate.text}</span>
              <small>{candidate.bytes !== null && candidate.bytes !== undefined ? bytes(Number(candidate.bytes)) : (candidate.meaning ?? "")}</small>
            </li>
          ))}
        </ul>
      </div>
      {problem.value ? (
        <p id="filter-problem" class="problem" role="alert" style={column(problem.value.start ?? 0)}>
          {problem.value.detail}
        </p>
      ) : null}
    </div>
  );
}

/** The terms of the filter in force; as long as they are not known, it is one. */
function useTerms(): Term[] {
  const loaded = useMemo(
    () =>
      load<{ data: Parsed }>(() => {
        const { q } = view.value;
        return q ? (signal) => get("parse", { q }, signal) : null;
      }),
    [],
  );
  useEffect(() => loaded.stop, []);
  const { q } = view.value;
  const found = loaded.state.value.value?.data.terms;
  if (!q) return [];
  return found && found.every((term) => term.end <= q.length) && !loaded.state.value.busy ? found : [{ text: q, start: 0, end: q.length }];
}

function Chips({ terms, write }: { terms: Term[]; write: (from: number, to: number) => void }) {
  return (
    <div class="chips" role="group" aria-label="Terms of the filter">
      {terms.map((term) => (
        <span class="chip">
          <button title="Change this term" aria-label={`Change ${term.text}`} onClick={() => write(term.start, term.end)}>
            {view.value.q.slice(term.start, term.end)}
          </button>
          <button title="Remove this term" aria-label={`Remove ${term.text}`} onClick={() => go({ q: without(view.value.q, terms, term) })}>
            ×
          </button>
        </span>
      ))}
    </div>
  );
}

/** The text again, invisible, with a line under the part that is wrong. */
function Mirror({ text, problem }: { text: string; problem: Problem }) {
  const start = Math.min(problem.start ?? 0, text.length);
  const end = Math.max(start + 1, problem.end ?? text.length);
  return (
    <div class="mirror" aria-hidden="true">
      {text.slice(0, start)}
      <mark>{text.slice(start, end) || " "}</mark>
    </div>
  );
}

function useCompletion(text: { value: string }, input: { current: HTMLInputElement | null }) {
  const found = useSignal<Completion | null>(null);
  const chosen = useSignal(-1);
  const asked = useRef<AbortController | null>(null);
  const shown = found.value?.candidates ?? [];
  const close = (): void => {
    asked.current?.abort();
    found.value = null;
    chosen.value = -1;
  };
  const ask = async (): Promise<void> => {
    asked.current?.abort();
    const own = new AbortController();
    asked.current = own;
    const { from, to } = view.value;
    const at = input.current?.selectionStart ?? text.value.length;
    try {
      const { data } = await get<{ data: Completion }>("complete", { q: text.value, at, from, to }, own.signal);
      if (own.signal.aborted || document.activeElement !== input.current) return;
      found.value = data;
      chosen.value = -1;
    } catch {
      if (!own.signal.aborted) close();
    }
  };
  const take = (at: number): void => {
    const place = found.value;
    const candidate = place?.candidates[at]?.text;
    if (!place || candidate === undefined) return;
    const put = place.wanted === "value" ? `${candidate} ` : place.wanted === "operator" && candidate.endsWith("in") ? `${candidate} (` : candidate;
    text.value = text.value.slice(0, place.start) + put + text.value.slice(place.end);
    const caret = place.start + put.length;
    close();
    queueMicrotask(() => {
      if (input.current) input.current.value = text.value;
      input.current?.focus();
      input.current?.setSelectionRange(caret, caret);
      void ask();
    });
  };
  const key = (event: KeyboardEvent): boolean => {
    const count = shown.length;
    if (!count) return false;
    if (event.key === "ArrowDown") chosen.value = (chosen.value + 1) % count;
    else if (event.key === "ArrowUp") chosen.value = chosen.value < 0 ? count - 1 : (chosen.value + count - 1) % count;
    else if (event.key === "Tab" && !event.shiftKey && text.value.trim()) take(Math.max(0, chosen.value));
    else if (event.key === "Enter" && chosen.value >= 0) take(chosen.value);
    else if (event.key === "Escape") close();
    else return false;
    queueMicrotask(() => document.getElementById(`candidate-${chosen.value}`)?.scrollIntoView({ block: "nearest" }));
    return true;
  };
  return { shown, chosen: chosen.value, start: found.value?.start ?? 0, close, ask, take, key };
}
