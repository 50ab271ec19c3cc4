import { useSignal } from "@preact/signals";
import { useLocation } from "preact-iso";
import { refresh, removeFunction } from "../api/client.ts";
import type { FunctionView } from "../api/types.ts";
import { openDeploy } from "../deploy/state.ts";
import { ConfirmDialog } from "../parts/ConfirmDialog.tsx";
import { CopyButton } from "../parts/CopyButton.tsx";
import { Refusal } from "../parts/Refusal.tsx";
import { StateBadge } from "../parts/StateBadge.tsx";
import { changed, forget } from "../state/functions.ts";
import { addressOf } from "../state/server.ts";
import { useAction } from "../state/useAction.ts";

/** The function's name, where it answers, and what can be done to all of it. */
export function FunctionHeader({ view }: { view: FunctionView }) {
  const { name } = view;
  const removing = useSignal(false);
  const { route } = useLocation();
  const refreshing = useAction(async () => changed(await refresh(name)));
  const address = addressOf(view.path);
  return (
    <div class="function-head">
      <div class="title">
        <h1>
          <span class="mono">{name}</span> <StateBadge state={view.state} />
        </h1>
        <div class="buttons">
          <button onClick={() => openDeploy(name)}>New version…</button>
          <button disabled={refreshing.pending.value} onClick={() => void refreshing.run()}>
            {refreshing.pending.value ? "Building…" : "Refresh"}
          </button>
          <button class="danger quiet" onClick={() => removing.value = true}>Remove…</button>
        </div>
      </div>
      <p class="address">
        <a class="mono" href={address} target="_blank" rel="noreferrer">{address}</a>
        <CopyButton text={address} />
      </p>
      {view.rolledBackFrom && (
        <p class="note">
          Rolled back from <code>{view.rolledBackFrom}</code>. It stays so until its folder changes,
          or until <b>Refresh</b>.
        </p>
      )}
      <Refusal failure={refreshing.failure.value} />
      {removing.value && (
        <ConfirmDialog
          title={`Remove ${name}?`}
          verb="Remove"
          danger
          close={() => removing.value = false}
          act={async () => {
            await removeFunction(name);
            forget(name);
            route("/");
          }}
        >
          <p>
            Its folder leaves <code>registry_in</code>, and <code>{view.path}</code>{" "}
            answers 404 from then on. This cannot be taken back.
          </p>
        </ConfirmDialog>
      )}
    </div>
  );
}
