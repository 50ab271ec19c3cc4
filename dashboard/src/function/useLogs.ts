import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { logsPath } from "../api/client.ts";
import { type Connection, follow } from "../api/stream.ts";
import type { Level, LogRecord } from "../api/types.ts";

/** Records kept in the page; the server has the rest. */
const MOST = 1000;
const TAIL = 300;

export interface Kept {
  key: number;
  record: LogRecord;
}

/** The last records of a function, and those that come while the page is open. */
export function useLogs(name: string, level: Level, paused: boolean) {
  const shown = useSignal<Kept[]>([]);
  const waiting = useSignal(0);
  const connection = useSignal<Connection>("connecting");
  const kept = useRef<Kept[]>([]);
  const pause = useRef(paused);
  pause.current = paused;

  const show = () => {
    shown.value = kept.current;
    waiting.value = 0;
  };
  useEffect(() => {
    if (!paused) show();
  }, [paused]);

  useEffect(() => {
    const ended = new AbortController();
    let next = 0;
    let frame = 0;
    let seen = 0;
    kept.current = [];
    show();
    void follow(() => logsPath(name, level, TAIL), ended.signal, {
      state(state) {
        connection.value = state;
        // The server begins with its last records again.
        if (state === "live") kept.current = [];
      },
      events(events) {
        const records = events
          .filter(({ event }) => event === "message" || event === "record")
          .map(({ data }) => ({ key: next++, record: JSON.parse(data) as LogRecord }));
        kept.current = [...kept.current, ...records].slice(-MOST);
        seen += records.length;
        if (frame) return;
        // A flood is drawn once a frame.
        frame = requestAnimationFrame(() => {
          frame = 0;
          if (pause.current) waiting.value += seen;
          else show();
          seen = 0;
        });
      },
    });
    return () => {
      ended.abort();
      cancelAnimationFrame(frame);
    };
  }, [name, level]);

  const clear = () => {
    kept.current = [];
    show();
  };
  return {
    records: shown.value,
    waiting: waiting.value,
    connection: connection.value,
    clear,
  };
}
