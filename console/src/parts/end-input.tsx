/** A field for one end of a path, with the names that the tables know. */
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { ApiError, get } from "../api/client";
import type { Completion } from "../api/types";
import { view } from "../state/view";

interface Props {
  label: string;
  side: "client" | "server";
  value: string;
  write: (value: string) => void;
}

export function EndInput({ label, side, value, write }: Props) {
  const names = useSignal<readonly string[]>([]);
  const asked = useRef<AbortController | null>(null);
  const ask = async (text: string): Promise<void> => {
    asked.current?.abort();
    const own = new AbortController();
    asked.current = own;
    const q = `${side}=${text.replaceAll(/[\s()=!<>,"*\\]/g, "")}`;
    try {
      const { data } = await get<{ data: Completion }>("complete", { q, at: q.length, from: view.value.from, to: view.value.to, limit: 12 }, own.signal);
      names.value = data.candidates.map((one) => one.text.replace(/^"(.*)"$/s, "$1")).filter(Boolean);
    } catch (error) {
      if (!own.signal.aborted && !(error instanceof ApiError)) throw error;
    }
  };
  return (
    <>
      <input
        aria-label={label}
        placeholder={label.toLowerCase()}
        list={`${side}-names`}
        value={value}
        spellcheck={false}
        autocomplete="off"
        onFocus={(event) => void ask(event.currentTarget.value)}
        onInput={(event) => {
          write(event.currentTarget.value);
          void ask(event.currentTarget.value);
        }}
      />
      <datalist id={`${side}-names`}>
        {names.value.map((name) => (
          <option value={name} />
        ))}
      </datalist>
    </>
  );
}
