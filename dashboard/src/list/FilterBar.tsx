import type { ComponentChildren } from "preact";
import { useLocation } from "preact-iso";
import { useEffect, useRef } from "preact/hooks";
import type { State } from "../api/types.ts";
import { addressOfPage } from "../pages/addresses.ts";
import { COLUMNS } from "./columns.ts";
import { counts, onlyState, query, shown, sortBy, sorting } from "./selection.ts";

const STATES: (State | null)[] = [null, "live", "stale", "broken"];

/** Narrows the list down. The key `/` leads here from anywhere on the page. */
export function FilterBar({ children }: { children?: ComponentChildren }) {
  const input = useRef<HTMLInputElement>(null);
  const { route } = useLocation();
  useEffect(() => {
    const jump = (event: KeyboardEvent) => {
      const writing = (event.target as HTMLElement).closest("input, textarea, select, dialog");
      if (event.key !== "/" || writing || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      input.current?.select();
    };
    addEventListener("keydown", jump);
    return () => removeEventListener("keydown", jump);
  }, []);
  const keys = (event: KeyboardEvent) => {
    const first = shown.value[0];
    if (event.key === "Escape") query.value = "";
    else if (event.key === "Enter" && first) route(addressOfPage(first.name));
    else if (event.key === "ArrowDown") {
      event.preventDefault();
      document.querySelector<HTMLElement>("table.functions tbody a")?.focus();
    }
  };
  return (
    <div class="filters">
      <div class="search">
        <input
          id="filter"
          ref={input}
          type="search"
          placeholder="Filter by name"
          aria-label="Filter by name"
          aria-keyshortcuts="/"
          autocomplete="off"
          spellcheck={false}
          value={query.value}
          onInput={(event) => query.value = event.currentTarget.value}
          onKeyDown={keys}
        />
        <kbd aria-hidden="true">/</kbd>
      </div>
      <div class="choices" role="group" aria-label="State">
        {STATES.map((state) => (
          <button
            key={state}
            aria-pressed={onlyState.value === state}
            onClick={() => onlyState.value = state}
          >
            {state ?? "all"} <span class="count">{counts.value[state ?? "all"]}</span>
          </button>
        ))}
      </div>
      <label class="sort">
        <span class="unseen">Sort by</span>
        <select
          value={sorting.value.column}
          onChange={(event) => sortBy(event.currentTarget.value)}
        >
          {COLUMNS.map(({ id, title }) => <option key={id} value={id}>{title}</option>)}
        </select>
      </label>
      {children}
    </div>
  );
}
