/** How a scene is looked at, and the signs that it is drawn with. */
import type { Camera } from "./camera";
import type { State } from "../severity";
import type { Palette } from "./palette";

/** What is emphasised: everything else is faded. */
export interface Focus {
  shapes: ReadonlySet<number>;
  edges: ReadonlySet<number>;
}

export interface Viewpoint {
  width: number;
  height: number;
  ratio: number;
  camera: Camera;
  colours: Palette;
  selected: string;
  /** Null: nothing is emphasised. */
  focus: Focus | null;
  /** Bytes are said as a rate over so many seconds. */
  seconds: number;
}

/** From this scale on, arrows, dashes and words are drawn. */
export const NEAR = 0.38;
export const DASHES: Record<State, number[]> = {
  plain: [], more: [], less: [], new: [], gone: [2, 5], resent: [1, 4], reset: [10, 3, 2, 3], failing: [9, 4],
};

export const colourOf = (state: State, colours: Palette): string =>
  ({ plain: colours.edge, more: colours.accent, less: colours.dim, new: colours.good, gone: colours.dim, resent: colours.warn, reset: colours.warn, failing: colours.bad })[state];
