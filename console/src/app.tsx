import { useEffect } from "preact/hooks";
import { FilterBar } from "./parts/filter-bar";
import { TimeBar } from "./parts/time-bar";
import { TruthLine } from "./parts/truth-line";
import { AddressPage } from "./pages/address";
import { ExplorePage } from "./pages/explore";
import { FlowsPage } from "./pages/flows";
import { MapPage, mapMeta } from "./pages/map";
import { TruthPage } from "./pages/truth";
import { ViewsPage, remember } from "./pages/views";
import { WorkloadPage } from "./pages/workload";
import { onKey } from "./state/keys";
import { begin, now, paused } from "./state/status";
import { stepped } from "./state/time";
import { theme, nextTheme } from "./state/theme";
import { go, isLive, page, view, type Page } from "./state/view";

const SHOWN: readonly { page: Page; label: string; key: string }[] = [
  { page: "map", label: "Map", key: "m" },
  { page: "explore", label: "Explore", key: "x" },
  { page: "flows", label: "Flows", key: "f" },
  { page: "address", label: "Address", key: "a" },
  { page: "truth", label: "Truth", key: "t" },
  { page: "views", label: "Views", key: "v" },
];

export function App() {
  useEffect(begin, []);
  useEffect(
    () =>
      onKey({
        "/": () => document.getElementById("filter")?.focus(),
        "[": () => go(stepped(view.value, -1, now())),
        "]": () => go(stepped(view.value, 1, now())),
        " ": () => {
          if (isLive.value) paused.value = !paused.value;
          else go({ from: "now-15m", to: "now" });
        },
      }),
    [],
  );
  return (
    <>
      <header>
        <a class="brand" href="map" aria-label="weir, home" onClick={(event) => { event.preventDefault(); go({ page: "map", rest: {} }); }}>
          weir
        </a>
        <nav aria-label="Pages">
          {SHOWN.map((one) => (
            <a
              href={one.page}
              aria-current={page.value === one.page ? "page" : undefined}
              onClick={(event) => { event.preventDefault(); go({ page: one.page, rest: {} }); }}
            >
              {one.label}
            </a>
          ))}
        </nav>
        <FilterBar />
        <button class="icon" aria-label={`Theme: ${theme.value}`} title={`Theme: ${theme.value}`} onClick={nextTheme}>
          ◐
        </button>
      </header>
      <main>
        <Shown />
      </main>
      <footer>
        <TimeBar />
        <TruthLine meta={page.value === "map" ? mapMeta.value : null} />
      </footer>
    </>
  );
}

function Shown() {
  remember();
  switch (page.value) {
    case "map":
      return <MapPage />;
    case "explore":
      return <ExplorePage />;
    case "flows":
      return <FlowsPage />;
    case "truth":
      return <TruthPage />;
    case "address":
      return <AddressPage />;
    case "workload":
      return <WorkloadPage />;
    default:
      return <ViewsPage />;
  }
}
