import type { LogRecord } from "../api/types.ts";
import { clockTime, fullTime } from "../format/times.ts";

/** What the function itself wrote or threw; the rest is told by the server. */
const OWN = new Set(["output", "error"]);

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
      <span class={OWN.has(event) ? "message" : "message told"}>
        {message}
        {stack && <span class="stack">{stack}</span>}
      </span>
      {instance && <span class="origin">{instance}</span>}
    </div>
  );
}
