import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { tryFunction } from "../api/client.ts";
import type { FunctionView, TryResponse } from "../api/types.ts";
import { Refusal } from "../parts/Refusal.tsx";
import { useAction } from "../state/useAction.ts";
import { TryAnswer } from "./TryAnswer.tsx";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/** A request that is sent through the gateway, as any caller's. */
export function TryView({ view }: { view: FunctionView }) {
  const method = useSignal(view.manifest?.methods[0] ?? "GET");
  const path = useSignal("/");
  const headers = useSignal("");
  const body = useSignal("");
  const answer = useSignal<TryResponse | null>(null);
  const sent = useRef<AbortController>(null);
  const sending = useAction(async () => {
    answer.value = null;
    sent.current = new AbortController();
    answer.value = await tryFunction(view.name, {
      method: method.value,
      path: path.value,
      headers: headersOf(headers.value),
      body: body.value === "" ? null : body.value,
    }, sent.current.signal);
  });
  useEffect(() => () => sent.current?.abort(), []);
  const submit = (event: Event) => {
    event.preventDefault();
    void sending.run();
  };
  return (
    <div class="columns try">
      <form
        class="card"
        aria-label="Request"
        onSubmit={submit}
        onKeyDown={(event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && submit(event)}
      >
        <h2>Request</h2>
        <div class="line">
          <select
            aria-label="Method"
            value={method.value}
            onChange={(event) => method.value = event.currentTarget.value}
          >
            {METHODS.map((name) => <option key={name}>{name}</option>)}
          </select>
          <span class="prefix mono">{view.path}</span>
          <input
            class="mono"
            aria-label="Path"
            spellcheck={false}
            value={path.value}
            onInput={(event) => path.value = event.currentTarget.value}
          />
        </div>
        <label class="field">
          <span>Headers, one a line</span>
          <textarea
            class="mono"
            rows={3}
            spellcheck={false}
            placeholder="content-type: application/json"
            value={headers.value}
            onInput={(event) => headers.value = event.currentTarget.value}
          />
        </label>
        <label class="field">
          <span>Body</span>
          <textarea
            class="mono"
            rows={6}
            spellcheck={false}
            placeholder='{"text": "buy milk"}'
            value={body.value}
            onInput={(event) => body.value = event.currentTarget.value}
          />
        </label>
        <div class="buttons">
          {sending.pending.value && (
            <button type="button" onClick={() => sent.current?.abort()}>Cancel</button>
          )}
          <button class="primary" disabled={sending.pending.value}>
            {sending.pending.value ? "Waiting…" : "Send"}
          </button>
          <span class="hint"><kbd>Ctrl</kbd> <kbd>Enter</kbd></span>
        </div>
      </form>
      <section class="card" aria-label="Response" aria-live="polite">
        <h2>Response</h2>
        <Refusal failure={sending.failure.value} />
        {answer.value ? <TryAnswer answer={answer.value} /> : (
          <p class="hint">
            {sending.pending.value
              ? "Waiting for the function…"
              : "What the function answers, with its status, headers and time."}
          </p>
        )}
      </section>
    </div>
  );
}

function headersOf(text: string): [string, string][] {
  return text.split("\n").filter((line) => line.trim() !== "").map((line) => {
    const colon = line.indexOf(":");
    if (colon < 1) throw new Error(`a header is “name: value”, and this is not: ${line}`);
    return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
  });
}
