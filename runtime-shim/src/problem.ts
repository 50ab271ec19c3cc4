import { inspect, NativeError } from "./intrinsics.ts";

/** What the author is shown of something thrown. */
export interface Problem {
  message: string;
  stack: string;
}

const MAX_MESSAGE = 8 * 1024;
const MAX_STACK = 32 * 1024;
const MAX_CAUSES = 8;

/** Frames of the platform itself tell the author nothing and reveal its paths. */
const OWN_FRAME = new RegExp(
  `^ +at .*(?:${import.meta.url.replace(/[^\w]/g, "\\$&")}|ext:).*$\\n?`,
  "gm",
);

/** Never throws, whatever was thrown: getters and `toString` are the function's code. */
export function describe(thrown: unknown): Problem {
  let message: string;
  let stack: string;
  try {
    message = thrown instanceof NativeError
      ? messageOf(thrown)
      : `a value that is no Error was thrown: ${inspect(thrown)}`;
  } catch {
    message = "something was thrown that cannot be shown";
  }
  try {
    stack = stackOf(thrown, MAX_CAUSES);
  } catch {
    stack = "";
  }
  return {
    message: message.slice(0, MAX_MESSAGE),
    stack: (stack || message).slice(0, MAX_STACK),
  };
}

function messageOf(error: Error): string {
  const name = String(error.name);
  const message = String(error.message);
  return name === "Error" || name === ""
    ? message || name
    : message === ""
    ? name
    : `${name}: ${message}`;
}

/** The stack with the stacks of its causes below it, outermost first. */
function stackOf(thrown: unknown, causesLeft: number): string {
  if (!(thrown instanceof NativeError)) return inspect(thrown);
  let stack = String(thrown.stack ?? messageOf(thrown))
    .replace(OWN_FRAME, "").trimEnd();
  if (causesLeft === 0) return stack;
  if (thrown instanceof AggregateError) {
    for (const error of thrown.errors.slice(0, causesLeft)) {
      stack += `\nOne of: ${stackOf(error, causesLeft - 1)}`;
    }
  }
  if (thrown.cause !== undefined) {
    stack += `\nCaused by: ${stackOf(thrown.cause, causesLeft - 1)}`;
  }
  return stack;
}
