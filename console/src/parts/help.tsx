/** All keys, and what is not said elsewhere. */
import { pulse } from "../state/status";
import { Dialog } from "./dialog";

const KEYS: readonly { title: string; keys: readonly (readonly [string, string])[] }[] = [
  {
    title: "Anywhere",
    keys: [
      ["/", "write a filter"],
      ["Ctrl K", "jump to a workload or a page"],
      ["?", "this help"],
      ["g then m h s c p r", "map, health, security, cost, path, segments (roles)"],
      ["g then e f a t v", "explore, flows, address, truth, views"],
    ],
  },
  {
    title: "Time",
    keys: [
      ["[ ]", "the span before, the span after"],
      ["Space", "live or paused; back to now"],
      ["← → on the time bar", "a tenth of the span; PgUp and PgDn a whole one"],
      ["↑ ↓ on the time bar", "shorter, longer; End is now"],
    ],
  },
  {
    title: "Map",
    keys: [
      ["e", "only what is wrong"],
      ["c", "against a day before, or as far back as there is something"],
      ["u", "fold all up"],
      ["f", "fit into the window"],
      ["r", "lay the map out anew"],
      ["+ −", "nearer, farther"],
      ["arrows, Enter", "walk along edges, open"],
      ["p", "path of the edge that is selected, or from the shape that is to the next one"],
      ["Esc", "select nothing"],
    ],
  },
  {
    title: "Filter",
    keys: [
      ["↑ ↓ Tab", "choose and take a completion"],
      ["Enter", "use the filter"],
      ["Esc", "leave it as it was"],
      ["client=web server=pay*", "terms side by side must all fit; * is the only wildcard"],
      ["failed>0 rtt>5ms bytes>1GB", "sums of what is grouped"],
      ["not, or, ( )", "or binds weaker; workload, ip, zone mean either end"],
    ],
  },
];

export function Help({ close }: { close: () => void }) {
  return (
    <Dialog label="Keys" kind="help" close={close}>
      <div class="dialog-head">
        <h2>Keys</h2>
        <button title="Esc" onClick={close}>
          Close
        </button>
      </div>
      <div class="keys-list">
        {KEYS.map((group) => (
          <section aria-label={group.title}>
            <h3>{group.title}</h3>
            <dl>
              {group.keys.map(([key, does]) => (
                <>
                  <dt>
                    <kbd>{key}</kbd>
                  </dt>
                  <dd>{does}</dd>
                </>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <p class="quiet">
        weir {pulse.value.status?.version ?? ""} · <a href="api/v1/openapi.json">the API</a> has all that this page shows, under the same names.
      </p>
    </Dialog>
  );
}
