import type { State } from "../api/types.ts";

const MEANING: Record<State, string> = {
  live: "the folder's current content is published",
  stale: "the folder does not build; the last good revision serves on",
  broken: "the folder has never built; there is nothing to run",
};

/** A function's state, told by a word, a shape and a colour. */
export function StateBadge({ state }: { state: State }) {
  return (
    <span class={`badge ${state}`} title={MEANING[state]}>
      <svg viewBox="0 0 10 10" aria-hidden="true">
        {state === "live" && <circle cx="5" cy="5" r="4" />}
        {state === "stale" && <path d="M5 0.6 9.8 9.2H0.2z" />}
        {state === "broken" && <path d="M1.5 0 5 3.5 8.5 0 10 1.5 6.5 5 10 8.5 8.5 10 5 6.5 1.5 10 0 8.5 3.5 5 0 1.5z" />}
      </svg>
      {state}
    </span>
  );
}
