import { signal } from "@preact/signals";

/** Milliseconds since 1970, for what changes by time alone: `5 s ago`. */
export const now = signal(Date.now());

setInterval(() => document.hidden || (now.value = Date.now()), 2000);
