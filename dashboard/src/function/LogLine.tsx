import type { LogRecord } from "../api/types.ts";
import { clockTime, fullTime } from "../format/times.ts";

/** Events that the server tells, in a word. */
const EVENTS: Record<string, string> = {
  start: "started",
  stop: "stopped",
  crash: "crashed",
  timeout: "timed out",
  limit: "limit",
  start_failed: "start failed",
  dropped: "dropped",
};

export function LogLine({ record }: { record: LogRecord }) {
  const { time, level, event, message, stack, requestId, instance } = record;
  const about = [
    fullTime(time),
    instance && `instance ${instance}`,
    requestId && `request ${requestId}`,
  ].filter(Boolean).join("\n");
  return (
    <div class={`record ${level}`} title={about}>
      <time dateTime={time}>{clockTime(time)}</time>
      <span class="level">{level}</span>
      <span class="message">
        {EVENTS[event] && <span class="event">{EVENTS[event]}</span>}
        {message}
        {stack && <span class="stack">{stack}</span>}
      </span>
      {instance && <span class="origin">{instance}</span>}
    </div>
  );
}
