import type { ComponentChildren } from "preact";
import { useAction } from "../state/useAction.ts";
import { Dialog } from "./Dialog.tsx";
import { Refusal } from "./Refusal.tsx";

interface Props {
  title: string;
  /** The word on the button that does it. */
  verb: string;
  danger?: boolean;
  act: () => Promise<unknown>;
  close: () => void;
  children: ComponentChildren;
}

/** Asks once more, does it, and stays open if that fails. */
export function ConfirmDialog({ title, verb, danger, act, close, children }: Props) {
  const acting = useAction(act);
  return (
    <Dialog title={title} close={close}>
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault();
          void acting.run().then((done) => done && close());
        }}
      >
        {children}
        <Refusal failure={acting.failure.value} />
        <div class="buttons">
          <button type="button" onClick={close}>Cancel</button>
          <button class={danger ? "danger" : "primary"} disabled={acting.pending.value}>
            {acting.pending.value ? "Working…" : verb}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
