import { attempts, node } from "./attempt.ts";

const answer = (worker: Worker) =>
  new Promise<void>((done, failed) => {
    worker.onmessage = ({ data }) =>
      data === "" ? done() : failed(new Error(data));
    worker.onerror = (event) => {
      event.preventDefault();
      failed(new Error(event.message));
    };
  }).finally(() => worker.terminate());

const CODE = `
  try {
    Deno.readTextFileSync("/etc/passwd");
    postMessage("");
  } catch (error) {
    postMessage(String(error));
  }`;

export default attempts({
  "web": () =>
    answer(
      new Worker(`data:text/javascript,${encodeURIComponent(CODE)}`, {
        type: "module",
      }),
    ),
  "node:worker_threads": () =>
    new Promise<void>((done, failed) => {
      const { Worker } = node("worker_threads");
      const code = 'require("node:fs").readFileSync("/etc/passwd")';
      new Worker(code, { eval: true }).on("error", failed).on("exit", done);
    }),
});
