/**
 * What a function says with `console` is one record of its log, with a level
 * and the id of the request in which it was said.
 *
 * It travels on standard output like what the process prints, so the limits of
 * that hold for it, and the control channel cannot be flooded. What belongs on
 * standard error goes there too: two pipes have no order between them. A record
 * is one line:
 *
 *     RECORD  D|I|W|E|T  the request's id  UNIT  text  LF
 *
 * with UNIT for each line feed in the text. W, E and T (a trace) belong on
 * standard error. A function can print such a line itself; it has then written
 * into its own log.
 */
import { apply, internals, replaceAll, slice } from "./intrinsics.ts";

const RECORD = "\x1e";
const UNIT = "\x1f";

/** By Deno's numbers: debug, log and info, warn, error, trace. */
const LEVELS = ["D", "I", "W", "E", "T"];
const TRACE = 4;

const { Console: NativeConsole, core } = internals;

/** What V8 carries along wherever a request's code goes on later. */
interface AsyncContext {
  dozeRequest?: string;
}

/**
 * Gives `console` methods that print records. They are Deno's own, of a second
 * console that hands us the text and the level. A Deno that has its insides
 * elsewhere goes on printing lines, which have no level.
 */
export function printRecords(): void {
  if (NativeConsole === undefined || core?.print === undefined) return;
  const { print } = core;
  const records = new NativeConsole((text, level) => {
    let length = text.length;
    if (level === TRACE) {
      // Its line feed comes alone, behind it.
      if (text === "\n") return;
    } else if (text[--length] !== "\n") {
      // Clears the screen, and nobody looks at one.
      return;
    }
    const said = apply(slice, text, [0, length]);
    const line = apply(replaceAll, said, ["\n", UNIT]);
    print(`${RECORD}${LEVELS[level]}${requestNow()}${UNIT}${line}\n`, false);
  });
  // `node:console` and whoever has taken the object know this one.
  Object.assign(console, records);
}

/** The id of the request whose code is running, or "". */
export function requestNow(): string {
  return core?.getAsyncContext?.()?.dozeRequest ?? "";
}

/**
 * From here on, code runs for this request, and so does what it begins and
 * awaits. Returns what `leave` needs. `AsyncLocalStorage` adds its own to it.
 */
export function enter(request: string): AsyncContext | undefined {
  const outside = core?.getAsyncContext?.();
  core?.setAsyncContext?.({ dozeRequest: request });
  return outside;
}

/** What the event loop does next is nobody's. */
export function leave(outside: AsyncContext | undefined): void {
  core?.setAsyncContext?.(outside);
}

/** The part of Deno's insides used here. */
export interface Internals {
  Console?: new (print: (text: string, level: number) => void) => Console;
  core?: {
    print?(text: string, isError: boolean): void;
    getAsyncContext?(): AsyncContext | undefined;
    setAsyncContext?(context: AsyncContext | undefined): void;
  };
}
