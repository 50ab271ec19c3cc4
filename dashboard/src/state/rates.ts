// How often functions were called in the last minute. The server counts from
// its start; this remembers what it said a minute ago.

import type { FunctionView } from "../api/types.ts";
import { now } from "./clock.ts";

interface Sample {
  at: number;
  requests: number;
  errors: number;
}

const MINUTE = 60_000;
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

/** Requests and errors of the last minute, or since this page was opened. */
export function perMinute({ name, counters }: FunctionView): { requests: number; errors: number } {
  const since = now.value - MINUTE;
  const known = samples.get(name) ?? [];
  const base = known.findLast(({ at }) => at <= since) ?? known[0];
  if (!base) return { requests: 0, errors: 0 };
  return { requests: counters.requests - base.requests, errors: counters.errors - base.errors };
}
