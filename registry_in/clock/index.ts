// Server-sent events: a line a second until the client leaves. A stream that
// makes progress may outlast `timeoutSeconds`, and while it is open the
// instance is not idle.
import { createHandler } from "doze";

export default createHandler(() => {
  let timer: ReturnType<typeof setInterval>;
  const events = new ReadableStream<string>({
    start(controller) {
      const tick = () =>
        controller.enqueue(`data: ${new Date().toISOString()}\n\n`);
      tick();
      timer = setInterval(tick, 1000);
    },
    // Called when the client leaves.
    cancel: () => clearInterval(timer),
  });
  return new Response(events.pipeThrough(new TextEncoderStream()), {
    headers: {
      "content-type": "text/event-stream",
      "cache-control": "no-store",
    },
  });
});
