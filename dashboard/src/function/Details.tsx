import type { ComponentChildren } from "preact";
import type { FunctionView } from "../api/types.ts";
import { plural } from "../format/numbers.ts";
import { ago, fullTime } from "../format/times.ts";
import { server } from "../state/server.ts";

/** How it was built and how it is run, in words where a number needs them. */
export function Details({ view }: { view: FunctionView }) {
  const { manifest, revision, builtAt } = view;
  const rows: [string, ComponentChildren][] = [];
  if (revision) rows.push(["Revision", <code>{revision}</code>]);
  if (builtAt) rows.push(["Built", <time dateTime={builtAt} title={fullTime(builtAt)}>{ago(builtAt)}</time>]);
  rows.push(["Checked", <time dateTime={view.checkedAt} title={fullTime(view.checkedAt)}>{ago(view.checkedAt)}</time>]);
  if (view.entry) rows.push(["Entry", <code>{view.entry}</code>]);
  if (manifest) {
    const idle = manifest.idleSeconds ?? server.value?.settings["idleSeconds"];
    rows.push(
      ["Callers", manifest.auth === "token" ? "need a token" : "anybody"],
      ["Methods", manifest.methods.length > 0 ? manifest.methods.join(", ") : "all"],
      [
        "Instances",
        manifest.mode === "oneshot"
          ? "a fresh process for every request"
          : `${manifest.minInstances} to ${manifest.maxInstances}, ${
            plural(manifest.concurrency, "request")
          } at once each`,
      ],
      ["Killed when idle for", idle === undefined ? "–" : `${String(idle)} s`],
      ["Answers within", `${manifest.timeoutSeconds} s`],
      ["Heap", `${manifest.memoryMb} MiB`],
    );
    if (manifest.warmupOnStart) rows.push(["Warm-up", "when it is published"]);
    if (manifest.static) rows.push(["Files", <code>{manifest.static}</code>]);
  }
  return (
    <section class="card">
      <h2>Details</h2>
      <dl class="details">
        {rows.map(([title, value]) => (
          <div key={title}>
            <dt>{title}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
