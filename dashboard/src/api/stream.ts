// Server-sent events over fetch: `EventSource` cannot send the session's secret.

import { send } from "./client.ts";

export interface ServerEvent {
  event: string;
  data: string;
}

/** Reads one response's events until it ends. */
export async function readEvents(
  body: ReadableStream<Uint8Array>,
  take: (events: ServerEvent[]) => void,
): Promise<void> {
  const reader = body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)
    .getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value.replaceAll("\r", "")).split("\n\n");
    rest = blocks.pop() ?? "";
    const events = blocks.map(parseEvent).filter((event) => event !== null);
    if (events.length > 0) take(events);
  }
}

function parseEvent(block: string): ServerEvent | null {
  let event = "message";
  const data: string[] = [];
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    const value = line.slice(colon + 1).replace(/^ /, "");
    if (line.startsWith("event:")) event = value;
    else if (line.startsWith("data:")) data.push(value);
  }
  return data.length === 0 ? null : { event, data: data.join("\n") };
}

export type Connection = "connecting" | "live" | "lost";

/** Longest wait between two tries, milliseconds. */
const LONGEST_WAIT = 10_000;

/** Follows a stream of events until `signal`, and opens it again when it breaks. */
export async function follow(
  path: () => string,
  signal: AbortSignal,
  on: { state(state: Connection): void; events(events: ServerEvent[]): void },
): Promise<void> {
  let wait = 500;
  while (!signal.aborted) {
    try {
      const response = await send("GET", path(), { signal });
      on.state("live");
      wait = 500;
      if (response.body) await readEvents(response.body, on.events);
    } catch {
      // Whatever it was, the next try tells.
    }
    if (signal.aborted) return;
    on.state("lost");
    await pause(wait, signal);
    wait = Math.min(wait * 2, LONGEST_WAIT);
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      removeEventListener("online", end);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    addEventListener("online", end);
    signal.addEventListener("abort", end);
  });
}
