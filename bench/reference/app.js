// What is measured besides a greeting: dropped into doze as it is, and served
// by plain Deno as it is.
const large = new Uint8Array(1 << 20).fill(97);
const listeners = new Set();
const encoder = new TextEncoder();

const routes = {
  async "/echo"(request) {
    const { items } = await request.json();
    return Response.json({ items });
  },
  "/large": () => new Response(large),
  async "/upload"(request) {
    let bytes = 0;
    for await (const chunk of request.body) bytes += chunk.length;
    return new Response(String(bytes));
  },
  "/socket"(request) {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onmessage = ({ data }) => socket.send(data);
    return response;
  },
  "/events"() {
    let listener;
    const body = new ReadableStream({
      start(controller) {
        listener = controller;
        listeners.add(controller);
        controller.enqueue(encoder.encode("data: begun\n\n"));
      },
      cancel: () => listeners.delete(listener),
    });
    // Tells nginx, too, not to wait for more.
    const headers = {
      "content-type": "text/event-stream",
      "x-accel-buffering": "no",
    };
    return new Response(body, { headers });
  },
  "/poke"() {
    for (const listener of listeners) {
      listener.enqueue(encoder.encode("data: poked\n\n"));
    }
    return new Response(null, { status: 204 });
  },
};

export default (request) => routes[new URL(request.url).pathname](request);
