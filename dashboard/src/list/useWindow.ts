import { type RefObject } from "preact";
import { useSignal } from "@preact/signals";
import { useCallback, useEffect } from "preact/hooks";

/** Rows kept beyond what is seen, on both sides. */
const BEYOND = 10;

/** Which of many equally high rows are near the screen. */
export function useWindow(rows: RefObject<HTMLElement | null>, count: number, height: number) {
  const seen = useSignal({ first: 0, last: 40 });
  const look = useCallback(() => {
    if (!rows.current) return;
    const top = rows.current.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(-top / height) - BEYOND);
    const last = Math.ceil((innerHeight - top) / height) + BEYOND;
    const now = seen.value;
    if (now.first !== first || now.last !== last) seen.value = { first, last };
  }, [height]);
  useEffect(() => {
    look();
    addEventListener("scroll", look, { passive: true });
    addEventListener("resize", look);
    return () => {
      removeEventListener("scroll", look);
      removeEventListener("resize", look);
    };
  }, [look]);
  const first = Math.min(seen.value.first, Math.max(0, count - 1));
  const last = Math.min(seen.value.last, count);
  return { first, last, above: first * height, below: Math.max(0, count - last) * height, look };
}
