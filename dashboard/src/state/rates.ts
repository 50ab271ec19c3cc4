// How often functions were called in the last minute. The server counts from
// its start; this remembers what it said a minute ago.

import { activity } from "../api/client.ts";
import type { FunctionView } from "../api/types.ts";
import { now } from "./clock.ts";

interface Sample {
  at: number;
  requests: number;
  errors: number;
}

const MINUTE = 60_000;
/** Functions whose last minute is asked for; there may be thousands. */
const MOST_ASKED = 50;
const samples = new Map<string, Sample[]>();

/** Remembers what a function's counters were. */
export function observe({ name, counters: { requests, errors } }: FunctionView): void {
  const known = samples.get(name) ?? [];
  const last = known.at(-1);
  // A server that was started again counts from nothing.
  if (last && requests < last.requests) known.length = 0;
  if (!last || requests !== last.requests || known.length === 0) {
    known.push({ at: Date.now(), requests, errors });
  }
  while (known[1] && known[1].at < Date.now() - MINUTE) known.shift();
  samples.set(name, known);
}

/** Asks what was counted before this page was opened, where that matters. */
export async function observePast(views: FunctionView[]): Promise<void> {
  const last = ({ counters }: FunctionView) => Date.parse(counters.lastRequestAt ?? "") || 0;
  const recent = views
    .filter((view) => last(view) > Date.now() - MINUTE)
    .sort((a, b) => last(b) - last(a));
  await Promise.allSettled(recent.slice(0, MOST_ASKED).map(async ({ name, counters }) => {
    const [before, current] = (await activity(name)).slice(-2);
    const known = samples.get(name);
    if (!before || !current || !known) return;
    // As much of the minute before as belongs to the last sixty seconds.
    const share = 1 - (Date.now() % MINUTE) / MINUTE;
    const ago = (count: "requests" | "errors") =>
      counters[count] - Math.round(current[count] + before[count] * share);
    known.unshift({ at: Date.now() - MINUTE, requests: ago("requests"), errors: ago("errors") });
  }));
  now.value = Date.now();
}

/** Requests and errors of the last minute. */
export function perMinute({ name, counters }: FunctionView): { requests: number; errors: number } {
  const since = now.value - MINUTE;
  const known = samples.get(name) ?? [];
  const base = known.findLast(({ at }) => at <= since) ?? known[0];
  if (!base) return { requests: 0, errors: 0 };
  return {
    requests: Math.max(0, counters.requests - base.requests),
    errors: Math.max(0, counters.errors - base.errors),
  };
}
