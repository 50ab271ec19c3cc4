import { useSignal } from "@preact/signals";
import { useCallback, useEffect } from "preact/hooks";
import { Failure } from "../api/failure.ts";

/** What a call answers, read when `keys` change and every so many milliseconds. */
export function useLoaded<T>(read: () => Promise<T>, keys: unknown[], every?: number) {
  const value = useSignal<T | null>(null);
  const failure = useSignal<Failure | null>(null);
  const reload = useCallback(async () => {
    try {
      value.value = await read();
      failure.value = null;
    } catch (error) {
      failure.value = Failure.of(error);
    }
  }, keys);
  useEffect(() => {
    void reload();
    if (every === undefined) return;
    const timer = setInterval(() => document.hidden || void reload(), every);
    return () => clearInterval(timer);
  }, [reload, every]);
  return { value, failure, reload };
}
