/** Imports while it runs: a built-in, one that brings its code, one that is not there. */
export default async () => {
  const { basename } = await import("node:path");
  const { seven } = await import("data:text/javascript,export const seven=7");
  const missing = "./nope.js";
  const outcome = await import(missing).catch((error: Error) =>
    error.message.includes(`cannot import "./nope.js"`) ? "nope" : error.message
  );
  return [basename("/a/path"), seven, outcome];
};
