import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { FunctionView, Level } from "../api/types.ts";
import { count } from "../format/numbers.ts";
import { LogLine } from "./LogLine.tsx";
import { useLogs } from "./useLogs.ts";

const LEVELS: Level[] = ["debug", "info", "warn", "error"];

/** What the function writes and what happens to it, as it does. */
export function LogView({ view }: { view: FunctionView }) {
  const level = useSignal<Level>("debug");
  const text = useSignal("");
  const paused = useSignal(false);
  const following = useSignal(true);
  const list = useRef<HTMLDivElement>(null);
  const top = useRef(0);
  const { records, waiting, connection, clear } = useLogs(view.name, level.value, paused.value);
  const wanted = text.value.toLowerCase();
  const shown = wanted === ""
    ? records
    : records.filter(({ record }) => record.message.toLowerCase().includes(wanted));

  useLayoutEffect(() => {
    const box = list.current;
    if (following.value && box) box.scrollTop = box.scrollHeight;
  }, [shown, following.value]);

  const scrolled = () => {
    const box = list.current;
    if (!box) return;
    // Whoever scrolls up wants to read, and whoever comes back wants to follow.
    // Lines that come or wrap anew move the end and not the reader.
    if (box.scrollTop < top.current) following.value = false;
    if (box.scrollHeight - box.scrollTop - box.clientHeight < 24) following.value = true;
    top.current = box.scrollTop;
  };
  return (
    <section class="card logs">
      <div class="filters">
        <div class="choices" role="group" aria-label="Least level">
          {LEVELS.map((name) => (
            <button
              key={name}
              aria-pressed={level.value === name}
              onClick={() => level.value = name}
            >
              {name}
            </button>
          ))}
        </div>
        <input
          type="search"
          placeholder="Filter the text"
          aria-label="Filter the text"
          value={text.value}
          onInput={(event) => text.value = event.currentTarget.value}
        />
        <span class="grow" />
        <label class="check">
          <input
            type="checkbox"
            checked={following.value}
            onChange={(event) => following.value = event.currentTarget.checked}
          />
          Follow
        </label>
        <button aria-pressed={paused.value} onClick={() => paused.value = !paused.value}>
          {paused.value ? `Resume (${count(waiting)} new)` : "Pause"}
        </button>
        <button onClick={clear}>Clear</button>
      </div>
      <div
        class="log"
        ref={list}
        role="log"
        aria-label={`Log of ${view.name}`}
        tabIndex={0}
        onScroll={scrolled}
      >
        {shown.map(({ key, record }) => <LogLine key={key} record={record} />)}
        {shown.length === 0 && (
          <p class="hint">
            {records.length > 0
              ? "No record has this text."
              : connection === "live"
              ? "Nothing yet. What the function prints, and its starts and stops, appear here as they happen."
              : "Connecting…"}
          </p>
        )}
      </div>
      {connection === "lost" && <p class="note" role="status">Connection lost; trying again…</p>}
    </section>
  );
}
