/** That the other end of a path is to be chosen on the map. */
import { nameOf } from "../map/terms";
import { pathFrom } from "../state/path-ends";

export function PathPending() {
  if (!pathFrom.value) return null;
  return (
    <div class="note path-pending" role="status">
      Path from <b>{nameOf(pathFrom.value)}</b>: click its server, or choose it and press p.{" "}
      <button onClick={() => (pathFrom.value = "")} title="Esc">
        no path
      </button>
    </div>
  );
}
