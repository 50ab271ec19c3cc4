// What a person has dropped or chosen and not deployed yet.

import { signal } from "@preact/signals";
import type { Chosen } from "./files.ts";

export interface Deploying {
  /** The function that gets new code; `null` where the name is still open. */
  target: string | null;
  chosen: Chosen | null;
}

export const deploying = signal<Deploying | null>(null);

/** Opens the dialog, for a function or for a new one. */
export function openDeploy(target: string | null = null, chosen: Chosen | null = null): void {
  deploying.value = { target, chosen };
}
