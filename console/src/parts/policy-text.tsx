/** A policy as text, to be copied. */
import { useSignal } from "@preact/signals";

export function PolicyText({ text, kind }: { text: string; kind: string }) {
  const said = useSignal("");
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      said.value = "copied";
    } catch {
      said.value = "The browser refuses the clipboard: mark the text.";
    }
  };
  const save = (): void => {
    const anchor = document.createElement("a");
    anchor.href = URL.createObjectURL(new Blob([text], { type: "text/yaml" }));
    anchor.download = `weir-${kind}.yaml`;
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(anchor.href), 1_000);
  };
  return (
    <div class="block">
      <div class="row">
        <h2>Policy</h2>
        <button onClick={() => void copy()}>copy</button>
        <button onClick={save}>save</button>
        <output>{said.value}</output>
      </div>
      <pre class="policy" tabIndex={0} aria-label={`Policy text, ${kind}`}>{text}</pre>
    </div>
  );
}
