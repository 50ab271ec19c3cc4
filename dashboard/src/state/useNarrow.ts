import { signal } from "@preact/signals";

// The same width as in the style sheets.
const media = matchMedia("(max-width: 760px)");
const narrow = signal(media.matches);
media.addEventListener("change", () => narrow.value = media.matches);

/** Whether this is a phone, or a window as narrow. */
export const useNarrow = (): boolean => narrow.value;
