/** Every picture as a line of text: a link, curl, SQL, `weir query`, or a file. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { ApiError, address, request, type Parameters } from "../api/client";
import { token } from "../state/access";
import { view } from "../state/view";

interface Props {
  path: string;
  parameters: Parameters;
  sql: string;
  /** The same on a command line, without the span and the filter; absent: the sums of `weir query`. */
  command?: string;
  /** False: it is a document, and no table. */
  csv?: boolean;
  /** What is saved as PNG: a canvas, or the picture itself. */
  picture?: () => HTMLCanvasElement | Promise<Blob> | null;
}

const SAID_MS = 2_500;

export function CopyMenu({ path, parameters, sql, command, csv: isTable = true, picture }: Props) {
  const said = useSignal("");
  const menu = useRef<HTMLDetailsElement>(null);
  const timer = useRef(0);
  useEffect(() => {
    const outside = (event: Event): void => {
      if (menu.current?.open && event.target instanceof Node && !menu.current.contains(event.target)) menu.current.open = false;
    };
    addEventListener("pointerdown", outside);
    addEventListener("focusin", outside);
    return () => {
      removeEventListener("pointerdown", outside);
      removeEventListener("focusin", outside);
    };
  }, []);
  const tell = (text: string): void => {
    said.value = text;
    if (menu.current) menu.current.open = false;
    menu.current?.querySelector("summary")?.focus();
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => (said.value = ""), SAID_MS);
  };
  const link = (format?: string): string => new URL(address(path, { ...parameters, format }), document.baseURI).href;
  const copy = async (what: string, text: string): Promise<void> => {
    said.value = "";
    try {
      await navigator.clipboard.writeText(text);
      tell(`${what} copied`);
    } catch {
      tell("The browser refuses the clipboard");
    }
  };
  const csv = async (): Promise<void> => {
    try {
      keep(await (await request(link("csv"))).blob(), `weir-${view.value.page}.csv`);
      tell("CSV saved");
    } catch (error) {
      tell(error instanceof ApiError ? error.problem.detail : String(error));
    }
  };
  const png = async (): Promise<void> => {
    const found = picture?.();
    const blob = found instanceof HTMLCanvasElement ? await opaque(found) : await found;
    if (blob) keep(blob, `weir-${view.value.page}.png`);
    tell(blob ? "PNG saved" : "There is no picture yet");
  };
  const key = (event: KeyboardEvent): void => {
    if (event.key === "Escape") {
      tell("");
      event.stopPropagation();
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const items = [...(menu.current?.querySelectorAll<HTMLElement>("[role=menuitem]") ?? [])];
    if (step === undefined || !menu.current?.open) return;
    event.preventDefault();
    const at = items.indexOf(document.activeElement as HTMLElement);
    items[at < 0 ? 0 : (at + step + items.length) % items.length]?.focus();
  };
  const program = (command ?? "weir query").split(" ").slice(0, 2).join(" ");
  const authorized = token.value ? ` -H "Authorization: Bearer $WEIR_TOKEN"` : "";
  return (
    <div class="copy">
      <details class="menu" ref={menu} onKeyDown={key}>
        <summary aria-haspopup="menu">Copy</summary>
        <div role="menu" aria-label="Copy">
          <button role="menuitem" onClick={() => void copy("Link", location.href)}>Link to this view</button>
          <button role="menuitem" onClick={() => void copy("curl", `curl -s${authorized} ${quoted(link())}`)}>curl</button>
          {sql ? <button role="menuitem" onClick={() => void copy("SQL", sql)}>SQL</button> : null}
          <button role="menuitem" onClick={() => void copy(program, command ? spanned(command) : queried(path, parameters))}>{program}</button>
          {isTable ? <button role="menuitem" onClick={() => void csv()}>CSV</button> : null}
          {picture ? <button role="menuitem" onClick={() => void png()}>PNG</button> : null}
        </div>
      </details>
      <output>{said.value}</output>
    </div>
  );
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** A command of the page's span and filter. */
function spanned(command: string): string {
  const { q, from, to } = view.value;
  return [command, `--from ${quoted(from)} --to ${quoted(to)}`, q ? `-q ${quoted(q)}` : ""].filter(Boolean).join(" ");
}

/** The same sums on a command line. */
function queried(path: string, parameters: Parameters): string {
  const { q, from, to } = view.value;
  const asked: Parameters = { from, to };
  if (path === "edges" || path === "series") for (const name of ["by", "metrics", "order", "limit", "view"]) asked[name] = parameters[name];
  const options = Object.entries(asked).filter(([, value]) => value !== undefined && value !== "");
  return ["weir query -q", quoted(String(parameters["q"] ?? q)), ...options.map(([name, value]) => `--${name} ${quoted(String(value))}`)].join(" ");
}

function keep(blob: Blob, name: string): void {
  const anchor = document.createElement("a");
  anchor.href = URL.createObjectURL(blob);
  anchor.download = name;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 1_000);
}

/** A canvas on the page's own background, so that it can be read where it is pasted. */
function opaque(canvas: HTMLCanvasElement): Promise<Blob | null> {
  const copy = document.createElement("canvas");
  copy.width = canvas.width;
  copy.height = canvas.height;
  const context = copy.getContext("2d");
  if (context) {
    context.fillStyle = getComputedStyle(document.body).backgroundColor;
    context.fillRect(0, 0, copy.width, copy.height);
    context.drawImage(canvas, 0, 0);
  }
  return new Promise((done) => copy.toBlob(done));
}
