// What the server says of itself, once a second.

import { signal } from "@preact/signals";
import type { Server } from "../api/types.ts";

export const server = signal<Server | null>(null);

/** Where a function answers, as this browser can reach it. */
export function addressOf(path: string): string {
  const address = server.value?.gateway.address;
  if (!address) return path;
  const port = address.slice(address.lastIndexOf(":") + 1);
  // The gateway may listen on all of the machine's addresses; this one works.
  return `http://${location.hostname}:${port}${path}`;
}
