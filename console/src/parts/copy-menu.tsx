/** Every picture as a line of text: a link, curl, SQL, `weir query`, or a file. */
import { useSignal } from "@preact/signals";
import { address } from "../api/client";
import type { Parameters } from "../api/client";
import { view } from "../state/view";

interface Props {
  path: string;
  parameters: Parameters;
  sql: string;
  picture?: () => HTMLCanvasElement | null;
}

export function CopyMenu({ path, parameters, sql, picture }: Props) {
  const said = useSignal("");
  const link = (format?: string): string => new URL(address(path, { ...parameters, format }), document.baseURI).href;
  const copy = async (what: string, text: string): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      said.value = `${what} copied`;
    } catch {
      said.value = "The browser refuses the clipboard";
    }
    setTimeout(() => (said.value = ""), 2_500);
  };
  const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
  const query = `weir query -q ${quoted(view.value.q)} --from ${quoted(view.value.from)} --to ${quoted(view.value.to)}`;
  const save = (): void => {
    picture?.()?.toBlob((blob) => {
      if (!blob) return;
      const anchor = document.createElement("a");
      anchor.href = URL.createObjectURL(blob);
      anchor.download = "weir.png";
      anchor.click();
      URL.revokeObjectURL(anchor.href);
    });
  };
  return (
    <details class="menu">
      <summary>Copy</summary>
      <div role="menu">
        <button role="menuitem" onClick={() => void copy("Link", location.href)}>Link to this view</button>
        <button role="menuitem" onClick={() => void copy("curl", `curl -s ${quoted(link())}`)}>curl</button>
        <button role="menuitem" onClick={() => void copy("SQL", sql)}>SQL</button>
        <button role="menuitem" onClick={() => void copy("weir query", query)}>weir query</button>
        <a role="menuitem" href={link("csv")} download="weir.csv">CSV</a>
        {picture ? <button role="menuitem" onClick={save}>PNG</button> : null}
      </div>
      <output>{said.value}</output>
    </details>
  );
}
