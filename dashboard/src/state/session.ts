// Whether this browser has shown the operator's token. The cookie is the
// server's; the second secret, which proves that a request comes from this
// page, is kept here.

import { signal } from "@preact/signals";
import { closeSession, openSession } from "../api/client.ts";

const KEY = "doze-csrf";

const secret = signal<string | null>(localStorage.getItem(KEY));

export const csrf = (): string => secret.value ?? "";

export const signedIn = (): boolean => secret.value !== null;

function keep(value: string | null): void {
  if (value === null) localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, value);
  secret.value = value;
}

export async function signIn(token: string): Promise<void> {
  keep((await openSession(token.trim())).csrf);
}

export async function signOut(): Promise<void> {
  await closeSession();
  keep(null);
}

/** The server does not know the session any more. */
export const sessionEnded = (): void => keep(null);

/** The token of a link such as `/#token=…`, which then leaves the address bar. */
export function takeTokenFromAddress(): string | null {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token !== null) history.replaceState(history.state, "", location.pathname + location.search);
  return token;
}
