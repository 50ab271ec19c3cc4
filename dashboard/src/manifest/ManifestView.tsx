import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { patchManifest, readManifest } from "../api/client.ts";
import { Failure } from "../api/failure.ts";
import type { FunctionView, Problem } from "../api/types.ts";
import { Refusal } from "../parts/Refusal.tsx";
import { useAction } from "../state/useAction.ts";
import { FieldList } from "./FieldList.tsx";
import type { Field } from "./fields.ts";
import { JsonEditor } from "./JsonEditor.tsx";
import { mergePatch } from "./mergePatch.ts";
import { parseObject } from "./places.ts";

const written = (value: unknown) => JSON.stringify(value, null, 2);

/** `registry.json` as the author wrote it, to be changed here. */
export function ManifestView({ view }: { view: FunctionView }) {
  const { name } = view;
  const text = useSignal<string | null>(null);
  const before = useSignal<Record<string, unknown>>({});
  const refused = useSignal<Problem[]>([]);
  const saved = useSignal(false);
  const reading = useAction(async () => {
    before.value = await readManifest(name);
    text.value = written(before.value);
  });
  useEffect(() => void reading.run(), [name]);

  const parsed = parseObject(text.value ?? "");
  const problems = "problem" in parsed ? [parsed.problem] : refused.value;
  const patch = "value" in parsed ? mergePatch(before.value, parsed.value) : null;
  const changed = patch !== null && Object.keys(patch).length > 0;

  const saving = useAction(async () => {
    try {
      before.value = (await patchManifest(name, patch)).manifest;
      text.value = written(before.value);
      saved.value = true;
    } catch (error) {
      const failure = Failure.of(error);
      if (failure.problems.length === 0) throw failure;
      refused.value = failure.problems;
    }
  });
  const change = (next: string) => {
    text.value = next;
    refused.value = [];
    saved.value = false;
  };
  const insert = ({ name, first }: Field) => {
    if ("value" in parsed) change(written({ ...parsed.value, [name]: first }));
  };
  if (text.value === null) return <Refusal failure={reading.failure.value} />;
  return (
    <div class="columns manifest">
      <form
        class="card"
        onSubmit={(event) => {
          event.preventDefault();
          void saving.run();
        }}
      >
        <h2>registry.json</h2>
        <JsonEditor label="Manifest" text={text.value} problems={problems} change={change} />
        <Refusal failure={saving.failure.value} />
        <div class="buttons">
          <span class="hint grow" role="status">
            {saved.value && !changed
              ? "Saved and live."
              : changed
              ? "Not saved yet."
              : ""}
          </span>
          <button
            type="button"
            disabled={!changed && patch !== null}
            onClick={() => change(written(before.value))}
          >
            Discard
          </button>
          <button class="primary" disabled={!changed || saving.pending.value}>
            {saving.pending.value ? "Saving…" : "Save"}
          </button>
        </div>
      </form>
      <FieldList
        present={"value" in parsed ? Object.keys(parsed.value) : null}
        insert={insert}
      />
    </div>
  );
}
