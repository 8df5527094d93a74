/** A page that fails is replaced by what happened; the time bar, the filter and the other pages stay. */
import { Component, type ComponentChildren } from "preact";
import { go, view } from "../state/view";

interface Props {
  children: ComponentChildren;
}

export class Boundary extends Component<Props, { error: unknown; where: string }> {
  override state = { error: null as unknown, where: "" };

  override componentDidCatch(error: unknown): void {
    console.error(error);
    this.setState({ error, where: JSON.stringify(view.value) });
  }

  override render({ children }: Props, { error, where }: { error: unknown; where: string }) {
    if (error === null || where !== JSON.stringify(view.value)) return children;
    return (
      <div class="state" role="alert">
        <h2>This page has failed</h2>
        <p>It is an error of the console, not of your data. Other pages go on.</p>
        <p>
          <code>{error instanceof Error ? error.message : String(error)}</code>
        </p>
        <p class="row">
          <button onClick={() => this.setState({ error: null, where: "" })}>Try again</button>
          <button onClick={() => go({ page: "map", from: "now-15m", to: "now", q: "", rest: {} })}>To the map</button>
        </p>
      </div>
    );
  }
}
