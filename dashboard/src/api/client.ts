// Every call to the admin API. Nothing else in the dashboard knows a path of it.

import { csrf, sessionEnded } from "../state/session.ts";
import { Failure, failureOf } from "./failure.ts";
import type { ManifestSchema } from "../manifest/fields.ts";
import type * as api from "./types.ts";

type Body = { json: unknown } | { bytes: Blob; type: string; file?: string };

/** Sends a request with the session's secret; anything but a success is thrown. */
export async function send(
  method: string,
  path: string,
  { body, signal }: { body?: Body | undefined; signal?: AbortSignal | undefined } = {},
): Promise<Response> {
  const headers = new Headers({ "x-doze-csrf": csrf() });
  const init: RequestInit = { method, headers, signal: signal ?? null };
  if (body && "json" in body) {
    headers.set("content-type", "application/json");
    init.body = JSON.stringify(body.json);
  } else if (body) {
    headers.set("content-type", body.type);
    if (body.file) headers.set("x-doze-file", body.file);
    init.body = body.bytes;
  }
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Failure("unreachable", "the server does not answer; is doze still running?");
  }
  if (response.ok) return response;
  if (response.status === 401) sessionEnded();
  throw await failureOf(response);
}

async function read<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await send("GET", path, { signal })).json() as Promise<T>;
}

async function order<T>(method: string, path: string, body?: Body): Promise<T> {
  const response = await send(method, path, { body });
  return (response.status === 204 ? undefined : await response.json()) as T;
}

const of = (name: string) => `/api/functions/${encodeURIComponent(name)}`;

export async function listFunctions(): Promise<api.FunctionView[]> {
  return (await read<{ functions: api.FunctionView[] }>("/api/functions")).functions;
}

export async function deploy(name: string, body: Body): Promise<api.FunctionView> {
  return (await order<{ function: api.FunctionView }>("PUT", of(name), body)).function;
}

export const removeFunction = (name: string) => order<void>("DELETE", of(name));

export const refresh = (name: string) => order<api.FunctionView>("POST", `${of(name)}/refresh`);

export const readManifest = (name: string) =>
  read<Record<string, unknown>>(`${of(name)}/manifest`);

export const readManifestSchema = () => read<ManifestSchema>("/schema/registry.json");

export const patchManifest = (name: string, patch: unknown) =>
  order<{ manifest: Record<string, unknown> }>("PATCH", `${of(name)}/manifest`, { json: patch });

export async function listRevisions(name: string): Promise<api.Revision[]> {
  return (await read<{ revisions: api.Revision[] }>(`${of(name)}/revisions`)).revisions;
}

export const rollback = (name: string, revision: string) =>
  order<api.FunctionView>("POST", `${of(name)}/rollback`, { json: { revision } });

export async function activity(name: string): Promise<api.Minute[]> {
  return (await read<{ minutes: api.Minute[] }>(`${of(name)}/activity`)).minutes;
}

/** The last records and those that follow, as server-sent events. */
export const logsPath = (name: string, level: api.Level, tail: number) =>
  `${of(name)}/logs?follow=true&tail=${tail}&level=${level}`;

export const tryFunction = (name: string, request: api.TryRequest, signal: AbortSignal) =>
  send("POST", `${of(name)}/try`, { body: { json: request }, signal })
    .then((response) => response.json() as Promise<api.TryResponse>);

export async function listTokens(name: string): Promise<api.Token[]> {
  return (await read<{ tokens: api.Token[] }>(`${of(name)}/tokens`)).tokens;
}

export const makeToken = (name: string, label: string) =>
  order<api.Token & { token: string }>("POST", `${of(name)}/tokens`, { json: label ? { label } : {} });

export const revokeToken = (name: string, id: string) =>
  order<void>("DELETE", `${of(name)}/tokens/${encodeURIComponent(id)}`);

export async function listSecrets(): Promise<api.Secret[]> {
  return (await read<{ secrets: api.Secret[] }>("/api/secrets")).secrets;
}

export const setSecret = (name: string, value: string) =>
  order<void>("PUT", `/api/secrets/${encodeURIComponent(name)}`, { json: { value } });

export const removeSecret = (name: string) =>
  order<void>("DELETE", `/api/secrets/${encodeURIComponent(name)}`);

export async function listInstances(): Promise<api.Instance[]> {
  return (await read<{ instances: api.Instance[] }>("/api/instances")).instances;
}

export const retireInstance = (id: string) =>
  order<unknown>("DELETE", `/api/instances/${encodeURIComponent(id)}`);

/** Changes of functions and of the server, as server-sent events. */
export const eventsPath = "/api/events";

export const openSession = (token: string) =>
  order<{ csrf: string }>("POST", "/api/session", { json: { token } });

export const closeSession = () => order<void>("DELETE", "/api/session");
