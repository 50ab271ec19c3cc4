import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { listSecrets, removeSecret, setSecret } from "../api/client.ts";
import { ago } from "../format/times.ts";
import { ConfirmDialog } from "../parts/ConfirmDialog.tsx";
import { Refusal } from "../parts/Refusal.tsx";
import { functions } from "../state/functions.ts";
import { useAction } from "../state/useAction.ts";
import { useLoaded } from "../state/useLoaded.ts";
import { addressOfPage } from "./addresses.ts";

/** What functions are told and nobody is shown. */
export function SecretsPage() {
  useEffect(() => {
    document.title = "Secrets · doze";
  }, []);
  const name = useSignal("");
  const value = useSignal("");
  const removing = useSignal<string | null>(null);
  // Who names a secret changes with what is published.
  const users = [...functions.value.values()].filter((view) => view.manifest?.secrets.length);
  const published = users.map((view) => `${view.name} ${view.revision}`).join();
  const { value: { value: secrets }, failure, reload } = useLoaded(listSecrets, [published]);
  const setting = useAction(async () => {
    await setSecret(name.value, value.value);
    name.value = "";
    value.value = "";
    await reload();
  });
  const replaces = secrets?.some((secret) => secret.name === name.value) ?? false;
  return (
    <div class="page narrow">
      <h1>Secrets</h1>
      <p class="hint">
        A function sees the secrets that its manifest names, <code>"secrets": ["API_KEY"]</code>
        , as environment variables. A value is never shown again.
      </p>
      <Refusal failure={failure.value} />
      <form
        class="card"
        onSubmit={(event) => {
          event.preventDefault();
          void setting.run();
        }}
      >
        <h2>Set a secret</h2>
        <div class="line">
          <input
            class="mono"
            required
            aria-label="Name"
            placeholder="API_KEY"
            spellcheck={false}
            autocomplete="off"
            value={name.value}
            onInput={(event) => name.value = event.currentTarget.value}
          />
          <input
            class="grow mono"
            type="password"
            required
            aria-label="Value"
            placeholder="Value"
            autocomplete="new-password"
            value={value.value}
            onInput={(event) => value.value = event.currentTarget.value}
          />
          <button class="primary" disabled={setting.pending.value}>
            {replaces ? "Replace" : "Set"}
          </button>
        </div>
        <Refusal failure={setting.failure.value} />
      </form>
      {secrets && secrets.length > 0 && (
        <section class="card" aria-label="Secrets">
          <ul class="rows">
            {secrets.map((secret) => (
              <li key={secret.name}>
                <code>{secret.name}</code>
                <span class="faint">set {ago(secret.updatedAt)}</span>
                <span>
                  {secret.usedBy.length === 0 ? <span class="faint">used by nothing</span> : (
                    <>
                      used by{" "}
                      {secret.usedBy.map((user, index) => (
                        <>
                          {index > 0 && ", "}
                          <a href={addressOfPage(user)}>{user}</a>
                        </>
                      ))}
                    </>
                  )}
                </span>
                <span class="end">
                  <button
                    class="small"
                    aria-label={`Remove ${secret.name}`}
                    onClick={() => removing.value = secret.name}
                  >
                    Remove…
                  </button>
                </span>
              </li>
            ))}
          </ul>
        </section>
      )}
      {removing.value && (
        <ConfirmDialog
          title={`Remove ${removing.value}?`}
          verb="Remove"
          danger
          close={() => removing.value = null}
          act={async () => {
            await removeSecret(removing.value ?? "");
            await reload();
          }}
        >
          <p>Functions that name it do not start until it is set again.</p>
        </ConfirmDialog>
      )}
    </div>
  );
}
