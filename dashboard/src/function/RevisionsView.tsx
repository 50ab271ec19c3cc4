import { useSignal } from "@preact/signals";
import { listRevisions, rollback } from "../api/client.ts";
import type { FunctionView, Revision } from "../api/types.ts";
import { bytes } from "../format/numbers.ts";
import { ago, fullTime } from "../format/times.ts";
import { ConfirmDialog } from "../parts/ConfirmDialog.tsx";
import { Refusal } from "../parts/Refusal.tsx";
import { changed } from "../state/functions.ts";
import { useLoaded } from "../state/useLoaded.ts";

/** What the function was, and the way back. */
export function RevisionsView({ view }: { view: FunctionView }) {
  const { name, revision } = view;
  const chosen = useSignal<Revision | null>(null);
  const { value, failure, reload } = useLoaded(() => listRevisions(name), [name, revision]);
  return (
    <section class="card">
      <h2>Revisions</h2>
      <Refusal failure={failure.value} />
      {value.value?.length === 0 && <p class="hint">Nothing has been published yet.</p>}
      <ol class="revisions">
        {value.value?.map((revision) => (
          <li key={revision.revision} class={revision.live ? "live" : undefined}>
            <code>{revision.revision}</code>
            <time dateTime={revision.builtAt} title={fullTime(revision.builtAt)}>
              built {ago(revision.builtAt)}
            </time>
            <span class="faint">{bytes(revision.bytes)}</span>
            <span class="end">
              {revision.rolledBackFrom && <span class="badge stale">rolled back from</span>}
              {revision.live ? <span class="badge live">live</span> : (
                <button class="small" onClick={() => chosen.value = revision}>
                  Roll back to this
                </button>
              )}
            </span>
          </li>
        ))}
      </ol>
      {chosen.value && (
        <ConfirmDialog
          title={`Roll ${name} back?`}
          verb="Roll back"
          close={() => chosen.value = null}
          act={async () => {
            changed(await rollback(name, chosen.value?.revision ?? ""));
            await reload();
          }}
        >
          <p>
            <code>{chosen.value.revision}</code>, built {ago(chosen.value.builtAt)},{" "}
            takes over without a failed request. The folder in <code>registry_in</code>{" "}
            stays as it is; its next change is published again.
          </p>
        </ConfirmDialog>
      )}
    </section>
  );
}
