/** What a manifest may hold, to be put into the text. */
export interface Field {
  name: string;
  /** A value to begin with. */
  example: unknown;
  meaning: string;
}

export const FIELDS: Field[] = [
  {
    name: "permissions",
    example: ["--allow-net=api.example.com"],
    meaning: "What it may do, as flags of deno run. Nothing by default.",
  },
  { name: "auth", example: "token", meaning: "public, or token: callers need a bearer token." },
  { name: "env", example: { NAME: "value" }, meaning: "Variables that it sees; it sees no others." },
  { name: "secrets", example: ["API_KEY"], meaning: "Names of secrets, seen like variables." },
  { name: "methods", example: ["GET", "POST"], meaning: "Other methods get 405. All by default." },
  {
    name: "timeoutSeconds",
    example: 30,
    meaning: "Until the response’s head. 30 by default.",
  },
  { name: "idleSeconds", example: 60, meaning: "An instance idle this long is killed." },
  { name: "memoryMb", example: 128, meaning: "V8 heap in MiB. 128 by default." },
  { name: "concurrency", example: 100, meaning: "Requests that one instance serves at once." },
  { name: "minInstances", example: 1, meaning: "Instances that are kept. 0 by default." },
  { name: "maxInstances", example: 4, meaning: "Instances that are allowed. 1 by default." },
  { name: "warmupOnStart", example: true, meaning: "Start an instance when it is published." },
  { name: "mode", example: "oneshot", meaning: "serve, or oneshot: a fresh process each time." },
  { name: "static", example: "public", meaning: "A sub-folder served as files." },
  { name: "spa", example: true, meaning: "Unknown pages get index.html of static." },
];
