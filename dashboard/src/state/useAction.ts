import { useSignal } from "@preact/signals";
import { Failure } from "../api/failure.ts";

/** A call that a person starts: whether it is under way, and why it failed. */
export function useAction<A extends unknown[]>(act: (...given: A) => Promise<unknown>) {
  const pending = useSignal(false);
  const failure = useSignal<Failure | null>(null);
  const run = async (...given: A): Promise<boolean> => {
    if (pending.value) return false;
    pending.value = true;
    failure.value = null;
    try {
      await act(...given);
      return true;
    } catch (error) {
      failure.value = Failure.of(error);
      return false;
    } finally {
      pending.value = false;
    }
  };
  return { run, pending, failure };
}
