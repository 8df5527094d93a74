/** Server-sent events read by fetch: unlike EventSource it can carry a token, and it says why it ended. */
import { ApiError, request } from "./client";

export interface Told {
  kind: string;
  data: string;
  id: string;
}

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 10_000;

/** Events of `path`, again after each cut from where it had come to. `cut` is told of an error, and null when events come again. */
export function follow(path: string, tell: (told: Told) => void, cut: (error: ApiError | null) => void): () => void {
  const ended = new AbortController();
  let last = "";
  const run = async (): Promise<void> => {
    let wait = FIRST_WAIT_MS;
    while (!ended.signal.aborted) {
      try {
        const response = await request(path, { signal: ended.signal, headers: last ? { "Last-Event-ID": last } : {} });
        cut(null);
        wait = FIRST_WAIT_MS;
        await readAll(response, (told) => {
          last = told.id || last;
          tell(told);
        });
      } catch (error) {
        if (ended.signal.aborted) return;
        cut(error instanceof ApiError ? error : new ApiError({ title: "The stream was cut", status: 0, detail: "The stream of flows was cut: it is asked for again." }));
        if (error instanceof ApiError && !error.away) return;
      }
      await new Promise((done) => setTimeout(done, wait));
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    }
  };
  void run();
  return () => ended.abort();
}

async function readAll(response: Response, tell: (told: Told) => void): Promise<void> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (!reader) return;
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split(/\r?\n\r?\n/);
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const told = parsed(block);
      if (told) tell(told);
    }
  }
}

/** One event; null for a comment. */
export function parsed(block: string): Told | null {
  const told: Told = { kind: "message", data: "", id: "" };
  let heard = false;
  for (const line of block.split(/\r?\n/)) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    const value = line.slice(colon + 1).replace(/^ /, "");
    const name = line.slice(0, colon);
    if (name === "event") told.kind = value;
    if (name === "id") told.id = value;
    if (name === "data") {
      told.data += (heard ? "\n" : "") + value;
      heard = true;
    }
  }
  return heard ? told : null;
}
