import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Failure } from "../api/failure.ts";
import { Logo } from "../parts/Logo.tsx";
import { Refusal } from "../parts/Refusal.tsx";
import { signIn } from "../state/session.ts";
import { useAction } from "../state/useAction.ts";

export function LoginPage({ failure }: { failure: Failure | null }) {
  const token = useSignal("");
  const opening = useAction(signIn);
  useEffect(() => {
    document.title = "Sign in · doze";
  }, []);
  return (
    <main class="login">
      <form
        class="card"
        onSubmit={(event) => {
          event.preventDefault();
          void opening.run(token.value);
        }}
      >
        <h1 class="brand">
          <Logo /> doze
        </h1>
        <label class="field">
          <span>Admin token</span>
          <input
            type="password"
            autocomplete="current-password"
            spellcheck={false}
            required
            autoFocus
            value={token.value}
            onInput={(event) => token.value = event.currentTarget.value}
          />
        </label>
        <Refusal failure={opening.failure.value ?? failure} />
        <button class="primary" disabled={opening.pending.value}>
          {opening.pending.value ? "Signing in…" : "Sign in"}
        </button>
        <p class="hint">
          The server printed a link with the token at its first start, and keeps it in{" "}
          <code>data/admin-token</code>:
        </p>
        <pre class="command">cat data/admin-token</pre>
      </form>
    </main>
  );
}
