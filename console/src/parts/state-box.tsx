/** What stands in the place of a picture that is not there, and above one that is old: each state says what to do. */
import type { ComponentChildren } from "preact";
import type { ApiError } from "../api/client";
import { age, pulse } from "../state/status";
import type { Loaded } from "../state/loaded";
import { go, isLive, view } from "../state/view";

const SLOW_MS = 2_000;

interface Props<T> {
  loaded: Loaded<T>;
  /** When the question was asked, in milliseconds, where `loaded` does not know. */
  since?: number;
  empty: ComponentChildren;
  /** Other parts of the page are there already: nothing but the bar says that this one is asked for. */
  part?: boolean;
  children?: ComponentChildren;
}

export function StateBox<T>({ loaded, since, empty, part, children }: Props<T>) {
  void age.value;
  const { value, busy } = loaded;
  const cut = isLive.value && value && pulse.value.error?.away ? pulse.value.error : null;
  const error = loaded.error ?? cut;
  const slow = busy && !error && Date.now() - (loaded.since || since || Date.now()) > SLOW_MS;
  return (
    <>
      {busy && !error ? <div class="progress" role="progressbar" aria-label="Asking the tables" /> : null}
      {slow ? <Slow /> : null}
      {error && value ? <Old error={error} at={loaded.at} /> : null}
      {error && !value ? <Failed error={error} /> : null}
      {!error && !value && !slow && !part ? <div class="state quiet waiting">Asking the tables …</div> : null}
      {!error && value ? <Warnings of={value} /> : null}
      {!loaded.error && value ? (empty ?? children) : null}
    </>
  );
}

function Slow() {
  return (
    <div class="note" role="status">
      This takes longer than 2 s. A shorter span, or a term such as <code>server=…</code> or <code>port=…</code>, is answered sooner.{" "}
      {view.value.from !== "now-15m" || view.value.to !== "now" ? <button onClick={lastMinutes}>Last 15 minutes</button> : null}
    </div>
  );
}

/** An error while an older picture is there: it stays, with its age. */
function Old({ error, at }: { error: ApiError; at: number }) {
  return (
    <div class="note bad" role="alert">
      <b>{error.problem.title}.</b> {error.problem.detail}{" "}
      {error.away ? <>What is shown is {Math.max(0, Math.round((Date.now() - at) / 1_000))} s old; it comes back by itself.</> : <>What is shown is the answer before. <WayOut error={error} /></>}
    </div>
  );
}

function Failed({ error }: { error: ApiError }) {
  return (
    <div class="state" role="alert">
      <h2>{error.problem.status === 403 ? "This is not for you to see" : error.problem.title}</h2>
      <p>{error.problem.detail}</p>
      <p>{error.away ? "It is asked again every 2 s, and comes back by itself." : <WayOut error={error} />}</p>
    </div>
  );
}

/** A button for what the problem is about: the filter, or the span. */
function WayOut({ error }: { error: ApiError }) {
  const { parameter, status } = error.problem;
  return (
    <span class="row">
      {view.value.q && (parameter === "q" || status === 422) ? <button onClick={() => go({ q: "" })}>Remove the filter</button> : null}
      {["from", "to"].includes(parameter ?? "") || status === 422 ? <button onClick={lastMinutes}>Last 15 minutes</button> : null}
    </span>
  );
}

const lastMinutes = (): void => go({ from: "now-15m", to: "now" });

function Warnings({ of }: { of: unknown }) {
  const meta = typeof of === "object" && of !== null && "meta" in of ? (of as { meta?: { warnings?: string[] } }).meta : undefined;
  if (!meta?.warnings?.length) return null;
  return (
    <div class="note" role="status">
      {meta.warnings.map((warning) => (
        <p>{warning}</p>
      ))}
    </div>
  );
}
