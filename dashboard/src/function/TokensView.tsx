import { useSignal } from "@preact/signals";
import { listTokens, makeToken, patchManifest, revokeToken } from "../api/client.ts";
import type { FunctionView, Token } from "../api/types.ts";
import { ago } from "../format/times.ts";
import { ConfirmDialog } from "../parts/ConfirmDialog.tsx";
import { CopyButton } from "../parts/CopyButton.tsx";
import { Refusal } from "../parts/Refusal.tsx";
import { useAction } from "../state/useAction.ts";
import { useLoaded } from "../state/useLoaded.ts";

/** Who may call the function. */
export function TokensView({ view }: { view: FunctionView }) {
  const { name } = view;
  const label = useSignal("");
  const made = useSignal<string | null>(null);
  const revoking = useSignal<Token | null>(null);
  const { value, failure, reload } = useLoaded(() => listTokens(name), [name]);
  const making = useAction(async () => {
    made.value = (await makeToken(name, label.value)).token;
    label.value = "";
    await reload();
  });
  const asks = view.manifest?.auth === "token";
  const protecting = useAction(() => patchManifest(name, { auth: asks ? null : "token" }));
  return (
    <section class="card">
      <h2>Tokens</h2>
      <p class="line">
        <span class="grow">
          {asks
            ? "Callers need one of these tokens, as Authorization: Bearer …"
            : "Anybody may call this function. Tokens count once it asks for them."}
        </span>
        <button disabled={protecting.pending.value} onClick={() => void protecting.run()}>
          {asks ? "Let anybody call it" : "Ask for a token"}
        </button>
      </p>
      <Refusal failure={protecting.failure.value ?? failure.value} />
      {value.value && value.value.length > 0 && (
        <ul class="rows">
          {value.value.map((token) => (
            <li key={token.id}>
              <code>{token.prefix}…</code>
              <span>{token.label || <span class="faint">no label</span>}</span>
              <span class="faint">made {ago(token.createdAt)}, used {ago(token.lastUsedAt)}</span>
              <span class="end">
                <button
                  class="small"
                  aria-label={`Revoke ${token.label || token.prefix}`}
                  onClick={() => revoking.value = token}
                >
                  Revoke…
                </button>
              </span>
            </li>
          ))}
        </ul>
      )}
      {made.value && (
        <div class="secret" role="status">
          <p>The new token. It is shown this once and never again:</p>
          <div class="line">
            <code class="grow">{made.value}</code>
            <CopyButton text={made.value} />
          </div>
        </div>
      )}
      <form
        class="line"
        onSubmit={(event) => {
          event.preventDefault();
          void making.run();
        }}
      >
        <input
          class="grow"
          aria-label="Label of the new token"
          placeholder="What the new token is for"
          value={label.value}
          onInput={(event) => label.value = event.currentTarget.value}
        />
        <button disabled={making.pending.value}>Make a token</button>
      </form>
      <Refusal failure={making.failure.value} />
      {revoking.value && (
        <ConfirmDialog
          title="Revoke this token?"
          verb="Revoke"
          danger
          close={() => revoking.value = null}
          act={async () => {
            await revokeToken(name, revoking.value?.id ?? "");
            await reload();
          }}
        >
          <p>
            Whoever uses <code>{revoking.value.prefix}…</code> gets 401 from now on.
          </p>
        </ConfirmDialog>
      )}
    </section>
  );
}
