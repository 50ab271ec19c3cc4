import { now } from "../state/clock.ts";

const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hour12: false,
});
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export const clockTime = (time: string): string => clock.format(new Date(time));

export const fullTime = (time: string): string => full.format(new Date(time));

/** `12 s`, `5 min`, `3 h`, `2 d`. */
export function span(seconds: number): string {
  if (seconds < 60) return `${Math.max(0, Math.floor(seconds))} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

export function ago(time: string | null | undefined): string {
  if (!time) return "never";
  const seconds = (now.value - Date.parse(time)) / 1000;
  return seconds < 5 ? "just now" : `${span(seconds)} ago`;
}
