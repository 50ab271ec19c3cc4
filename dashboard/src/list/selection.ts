// Which functions the list shows, and in which order.

import { computed, signal } from "@preact/signals";
import type { FunctionView, State } from "../api/types.ts";
import { functions } from "../state/functions.ts";
import { COLUMNS, type Order } from "./columns.ts";

export const query = signal("");
export const onlyState = signal<State | null>(null);
export const sorting = signal({ column: "name", reversed: false });

const matching = computed(() => {
  const wanted = query.value.trim().toLowerCase();
  const all = [...functions.value.values()];
  return wanted === "" ? all : all.filter((view) => view.name.toLowerCase().includes(wanted));
});

export const counts = computed(() => {
  const counts = { all: matching.value.length, live: 0, stale: 0, broken: 0 };
  for (const view of matching.value) counts[view.state] += 1;
  return counts;
});

export const shown = computed<FunctionView[]>(() => {
  const state = onlyState.value;
  const { column, reversed } = sorting.value;
  const order = COLUMNS.find(({ id }) => id === column)?.order ?? ((view) => view.name);
  const keyed = matching.value
    .filter((view) => state === null || view.state === state)
    .map((view) => ({ view, key: order(view) }));
  keyed.sort((a, b) => compare(a.key, b.key) || compare(a.view.name, b.view.name));
  if (reversed) keyed.reverse();
  return keyed.map(({ view }) => view);
});

const compare = (a: Order, b: Order): number => a < b ? -1 : a > b ? 1 : 0;

/** Sorts by a column; once more turns it round. */
export function sortBy(column: string): void {
  const now = sorting.value;
  sorting.value = { column, reversed: now.column === column && !now.reversed };
}
