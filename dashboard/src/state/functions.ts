// All functions, kept up to date by the server's events.

import { batch, signal } from "@preact/signals";
import { eventsPath, listFunctions } from "../api/client.ts";
import { Failure } from "../api/failure.ts";
import { type Connection, follow, type ServerEvent } from "../api/stream.ts";
import type { FunctionView, Server } from "../api/types.ts";
import { observe, observePast } from "./rates.ts";
import { server } from "./server.ts";

export const functions = signal<ReadonlyMap<string, FunctionView>>(new Map());
export const connection = signal<Connection>("connecting");
/** Whether the list has been read once. */
export const loaded = signal(false);
export const loadFailure = signal<Failure | null>(null);

/** Takes in a function as a call that changed it answers, before the next event tells it. */
export const changed = (view: FunctionView): void => apply(new Map([[view.name, view]]));

export const forget = (name: string): void => apply(new Map([[name, null]]));

/** What events said while the list was on its way: it may be older than they are. */
let newer: Map<string, FunctionView | null> | null = null;

async function load(): Promise<void> {
  const told = new Map<string, FunctionView | null>();
  newer = told;
  try {
    const list = await listFunctions();
    const next = new Map(list.map((view) => [view.name, view]));
    for (const [name, view] of told) {
      if (view) next.set(name, view);
      else next.delete(name);
    }
    const first = !loaded.value;
    next.forEach(observe);
    if (first) void observePast([...next.values()]);
    batch(() => {
      functions.value = next;
      loaded.value = true;
      loadFailure.value = null;
    });
  } catch (error) {
    loadFailure.value = Failure.of(error);
  } finally {
    if (newer === told) newer = null;
  }
}

function take(events: ServerEvent[]): void {
  const told = new Map<string, FunctionView | null>();
  batch(() => {
    for (const { event, data } of events) {
      if (event === "server") server.value = JSON.parse(data) as Server;
      else if (event === "removed") told.set((JSON.parse(data) as { name: string }).name, null);
      else if (event === "function") {
        const view = JSON.parse(data) as FunctionView;
        told.set(view.name, view);
      }
    }
    if (told.size > 0) apply(told);
  });
}

function apply(told: ReadonlyMap<string, FunctionView | null>): void {
  const next = new Map(functions.value);
  for (const [name, view] of told) {
    newer?.set(name, view);
    if (view) {
      observe(view);
      next.set(name, view);
    } else next.delete(name);
  }
  functions.value = next;
}

/** Follows the server until `signal`. */
export function followFunctions(signal: AbortSignal): void {
  void follow(() => eventsPath, signal, {
    state(state) {
      connection.value = state;
      if (state !== "live") return;
      // What happened while nobody listened is in no event.
      void load();
    },
    events: take,
  });
  // The server may be down from the beginning: say so rather than wait.
  void load();
}
