// What the list says of each function, and how it is sorted by that.

import type { FunctionView } from "../api/types.ts";
import { ago } from "../format/times.ts";
import { bytes, count, NOTHING, seconds } from "../format/numbers.ts";
import { perMinute } from "../state/rates.ts";

export type Order = string | number;

export interface Column {
  id: string;
  title: string;
  /** Told beside the value where there is no head, on a narrow screen. */
  unit?: string;
  show(view: FunctionView): string;
  order(view: FunctionView): Order;
  /** Whether the value asks for attention. */
  alarming?(view: FunctionView): boolean;
}

const memory = (view: FunctionView) =>
  view.instances.reduce((sum, instance) => sum + (instance.memoryBytes ?? 0), 0);

const latency = (view: FunctionView, which: "p50" | "p95") =>
  view.counters.latencySeconds?.[which] ?? null;

const states = { broken: 0, stale: 1, live: 2 };

/** Nothing looks like nothing, so that figures stand out. */
const orDash = (value: number) => value === 0 ? NOTHING : count(value);

export const COLUMNS: Column[] = [
  { id: "name", title: "Function", show: (view) => view.name, order: (view) => view.name },
  {
    id: "state",
    title: "State",
    show: (view) => view.state,
    order: (view) => states[view.state],
  },
  {
    id: "requests",
    title: "Req/min",
    unit: "req/min",
    show: (view) => orDash(perMinute(view).requests),
    order: (view) => -perMinute(view).requests,
  },
  {
    id: "errors",
    title: "Err/min",
    unit: "err/min",
    show: (view) => orDash(perMinute(view).errors),
    order: (view) => -perMinute(view).errors,
    alarming: (view) => perMinute(view).errors > 0,
  },
  {
    id: "p50",
    title: "p50",
    unit: "p50",
    show: (view) => seconds(latency(view, "p50")),
    order: (view) => -(latency(view, "p50") ?? -1),
  },
  {
    id: "p95",
    title: "p95",
    unit: "p95",
    show: (view) => seconds(latency(view, "p95")),
    order: (view) => -(latency(view, "p95") ?? -1),
  },
  {
    id: "cold",
    title: "Cold starts",
    unit: "cold",
    show: (view) => orDash(view.counters.coldStarts),
    order: (view) => -view.counters.coldStarts,
  },
  {
    id: "instances",
    title: "Instances",
    unit: "inst.",
    show: (view) => orDash(view.instances.length),
    order: (view) => -view.instances.length,
  },
  {
    id: "memory",
    title: "Memory",
    show: (view) => view.instances.length === 0 ? NOTHING : bytes(memory(view)),
    order: (view) => -memory(view),
  },
  {
    id: "last",
    title: "Last request",
    show: (view) => ago(view.counters.lastRequestAt),
    order: (view) => -(Date.parse(view.counters.lastRequestAt ?? "") || 0),
  },
];
