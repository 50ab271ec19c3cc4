import { retireInstance } from "../api/client.ts";
import { useAction } from "../state/useAction.ts";

/** Lets an instance finish its requests and then ends it. */
export function RetireButton({ id, draining }: { id: string; draining: boolean }) {
  const retiring = useAction(() => retireInstance(id));
  const failure = retiring.failure.value;
  return (
    <>
      <button
        class="small"
        title="Finishes its requests, then ends"
        aria-label={`Retire ${id}`}
        disabled={draining || retiring.pending.value}
        onClick={() => void retiring.run()}
      >
        Retire
      </button>
      {failure && <span class="alarming" role="alert">{failure.message}</span>}
    </>
  );
}
