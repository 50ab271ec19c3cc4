// On which line of the text a problem is.

import type { Problem } from "../api/types.ts";

/** Reads an object, or says on which line the text is none. */
export function parseObject(text: string): { value: Record<string, unknown> } | { problem: Problem } {
  let value: unknown;
  try {
    value = JSON.parse(text.trim() === "" ? "{}" : text);
  } catch (error) {
    return { problem: syntaxProblem(text, (error as Error).message) };
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return { value: value as Record<string, unknown> };
  }
  return { problem: { line: 1, text: "expected an object such as {}" } };
}

/** Browsers tell the place in words, some by line and some by position. */
function syntaxProblem(text: string, message: string): Problem {
  const reason = message.replace(/^JSON\.parse: /, "").replace(/ (in JSON )?at (position|line) .*/s, "")
    .replace(/, \.{0,3}".*is not valid JSON$/s, "");
  const said = /line (\d+)/.exec(message)?.[1];
  const position = /position (\d+)/.exec(message)?.[1];
  const line = said
    ? Number(said)
    : position
    ? text.slice(0, Number(position)).split("\n").length
    : text.split("\n").length;
  return { line, text: `not valid JSON: ${reason.charAt(0).toLowerCase()}${reason.slice(1)}` };
}

/**
 * The line that a problem of the server speaks of: the first that holds a word
 * which the problem quotes. The server knows the fields and not this text.
 */
export function lineOf(problem: Problem, text: string): number | null {
  const lines = text.split("\n");
  for (const [, quoted = ""] of problem.text.matchAll(/`([^`]+)`/g)) {
    const word = quoted.split(/[:=]/)[0] ?? quoted;
    const index = lines.findIndex((line) => line.includes(`"${word}`));
    if (index >= 0) return index + 1;
  }
  return problem.line ?? null;
}
