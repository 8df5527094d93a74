import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get } from "./api/client";
import { Boundary } from "./parts/boundary";
import { FilterBar } from "./parts/filter-bar";
import { Help } from "./parts/help";
import { Jump } from "./parts/jump";
import { Login } from "./parts/login";
import { TimeBar, ZoneSwitch, toggleLive } from "./parts/time-bar";
import { TruthLine } from "./parts/truth-line";
import { AddressPage } from "./pages/address";
import { CostPage } from "./pages/cost";
import { ExplorePage } from "./pages/explore";
import { FlowsPage } from "./pages/flows";
import { HealthPage } from "./pages/health";
import { MapPage, mapMeta } from "./pages/map";
import { PathPage } from "./pages/path";
import { SecurityPage } from "./pages/security";
import { SegmentsPage } from "./pages/segments";
import { TruthPage } from "./pages/truth";
import { ViewsPage, remember } from "./pages/views";
import { WorkloadPage } from "./pages/workload";
import { locked, logIn, me, token, type Me } from "./state/access";
import { onKey } from "./state/keys";
import { load } from "./state/loaded";
import { begin, now } from "./state/status";
import { stepped } from "./state/time";
import { nextTheme, theme } from "./state/theme";
import { go, page, view, type Page } from "./state/view";

const SHOWN: readonly { page: Page; label: string; key: string }[] = [
  { page: "map", label: "Map", key: "m" },
  { page: "health", label: "Health", key: "h" },
  { page: "security", label: "Security", key: "s" },
  { page: "cost", label: "Cost", key: "c" },
  { page: "path", label: "Path", key: "p" },
  { page: "segments", label: "Segments", key: "r" },
  { page: "explore", label: "Explore", key: "e" },
  { page: "flows", label: "Flows", key: "f" },
  { page: "address", label: "Address", key: "a" },
  { page: "truth", label: "Truth", key: "t" },
  { page: "views", label: "Views", key: "v" },
];

const open = signal<"help" | "jump" | null>(null);
const close = (): void => {
  open.value = null;
};

const KEYS = {
  "/": () => document.getElementById("filter")?.focus(),
  "?": () => (open.value = "help"),
  "Ctrl+k": () => (open.value = "jump"),
  "g w": () => (open.value = "jump"),
  "[": () => go(stepped(view.value, -1, now())),
  "]": () => go(stepped(view.value, 1, now())),
  " ": toggleLive,
  ...Object.fromEntries(SHOWN.map((one) => [`g ${one.key}`, () => go({ page: one.page, rest: {} })])),
};

export function App() {
  useEffect(begin, []);
  useEffect(() => onKey(KEYS), []);
  useEffect(askMe, []);
  useEffect(() => {
    document.title = `${SHOWN.find((one) => one.page === page.value)?.label ?? view.value.rest["name"] ?? "Workload"} · weir`;
  }, [view.value]);
  if (locked.value) {
    return (
      <main>
        <Login />
      </main>
    );
  }
  return (
    <>
      <a class="skip" href="#page" onClick={(event) => { event.preventDefault(); document.getElementById("page")?.focus(); }}>
        To the page
      </a>
      <Header />
      <main id="page" tabIndex={-1}>
        <Boundary>
          <Shown />
        </Boundary>
      </main>
      <footer>
        <TimeBar />
        <div class="last-row">
          <TruthLine meta={page.value === "map" ? mapMeta.value : null} />
          <div class="small-tools">
            {me.value?.scope ? <span title="This filter is added to all that you ask">you see {me.value.scope}</span> : null}
            {token.value ? <button class="plain" onClick={() => logIn("")}>log out{me.value?.user ? ` ${me.value.user}` : ""}</button> : null}
            <ZoneSwitch />
            <button class="plain" title="All keys ( ? )" onClick={() => (open.value = "help")}>keys ?</button>
          </div>
        </div>
      </footer>
      {open.value === "help" ? <Help close={close} /> : null}
      {open.value === "jump" ? <Jump close={close} /> : null}
    </>
  );
}

function askMe(): () => void {
  const loaded = load<{ data: Me }>(() => (signal) => get("me", {}, signal));
  const stop = loaded.state.subscribe(({ value }) => {
    me.value = value?.data ?? null;
  });
  return () => {
    stop();
    loaded.stop();
  };
}

const THEME_SIGNS = { system: "◐", light: "☀", dark: "☾" } as const;

function Header() {
  return (
    <header>
      <a class="brand" href="map" aria-label="weir, home" onClick={(event) => { event.preventDefault(); go({ page: "map", rest: {} }); }}>
        weir
      </a>
      <nav aria-label="Pages">
        {SHOWN.map((one) => (
          <a
            href={one.page}
            title={`g ${one.key}`}
            aria-current={page.value === one.page ? "page" : undefined}
            onClick={(event) => {
              if (event.ctrlKey || event.metaKey || event.shiftKey) return;
              event.preventDefault();
              go({ page: one.page, rest: {} });
            }}
          >
            {one.label}
          </a>
        ))}
      </nav>
      <FilterBar />
      <button class="icon" aria-label={`Theme: ${theme.value}`} title={`Theme: ${theme.value}`} onClick={nextTheme}>
        {THEME_SIGNS[theme.value]}
      </button>
    </header>
  );
}

function Shown() {
  remember();
  switch (page.value) {
    case "map":
      return (
        <>
          <h1 class="hidden">Map</h1>
          <MapPage />
        </>
      );
    case "health":
      return <HealthPage />;
    case "security":
      return <SecurityPage />;
    case "cost":
      return <CostPage />;
    case "path":
      return <PathPage />;
    case "segments":
      return <SegmentsPage />;
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
