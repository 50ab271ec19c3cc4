// What the admin API says, as its description has it.

export type State = "live" | "stale" | "broken";

export interface Problem {
  file?: string;
  line?: number;
  column?: number;
  text: string;
}

export interface Manifest {
  permissions: string[];
  warmupOnStart: boolean;
  idleSeconds?: number;
  timeoutSeconds: number;
  memoryMb: number;
  concurrency: number;
  minInstances: number;
  maxInstances: number;
  env: Record<string, string>;
  secrets: string[];
  mode: "serve" | "oneshot";
  static?: string;
  spa: boolean;
  methods: string[];
  auth: "public" | "token";
}

export type InstanceState = "starting" | "busy" | "idle" | "draining" | "spare";

export interface Instance {
  id: string;
  function: string | null;
  revision: string | null;
  state: InstanceState;
  pid: number | null;
  address: string;
  startedAt: string;
  idleSince: string | null;
  inFlight: number;
  memoryBytes: number | null;
  cpuSeconds: number | null;
}

export interface Counters {
  requests: number;
  errors: number;
  timeouts: number;
  coldStarts: number;
  spareStarts: number;
  crashes: number;
  inFlight: number;
  lastRequestAt: string | null;
  /** Of all requests since the server began. */
  latencySeconds: { p50: number; p95: number; p99: number } | null;
}

export interface FunctionView {
  name: string;
  state: State;
  revision: string | null;
  rolledBackFrom: string | null;
  path: string;
  entry: string | null;
  runtime: string | null;
  problems: Problem[];
  checkedAt: string;
  builtAt: string | null;
  manifest: Manifest | null;
  instances: Instance[];
  counters: Counters;
}

export interface Revision {
  revision: string;
  builtAt: string;
  live: boolean;
  rolledBackFrom: boolean;
  bytes: number;
}

export type Level = "debug" | "info" | "warn" | "error";

export interface LogRecord {
  time: string;
  level: Level;
  event: string;
  message: string;
  revision?: string;
  instance?: string;
  requestId?: string;
  stream?: "stdout" | "stderr";
  stack?: string;
  limit?: string;
  value?: unknown;
  reason?: string;
}

export interface Minute {
  minute: string;
  requests: number;
  errors: number;
  coldStarts: number;
  p50: number | null;
  p95: number | null;
}

export interface Token {
  id: string;
  prefix: string;
  label: string | null;
  createdAt: string;
  lastUsedAt: string | null;
}

export interface Secret {
  name: string;
  updatedAt: string;
  usedBy: string[];
}

export interface MissingLayer {
  layer: string;
  why: string;
  advice: string;
}

export interface Server {
  version: string;
  uptimeSeconds: number;
  gateway: { address: string };
  isolation: { inForce: string[]; missing: MissingLayer[] };
  settings: Record<string, unknown>;
  processes: number;
  /** The server's own, without its processes. */
  memoryBytes: number | null;
}

export interface TryRequest {
  method: string;
  path: string;
  headers: [string, string][];
  body: string | null;
}

export interface TryResponse {
  status: number;
  headers: [string, string][];
  body: string;
  encoding: "utf-8" | "base64";
  truncated: boolean;
  start: "warm" | "spare" | "cold" | null;
  millis: number;
}
