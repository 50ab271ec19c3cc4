// What doze is compared with: the same answer from plain `deno run`, at a port
// or on a Unix socket.
const place = Deno.args[0];
const address = place.startsWith("/")
  ? { path: place }
  : { hostname: "127.0.0.1", port: Number(place) };
Deno.serve(
  { ...address, onListen: () => console.log("ready") },
  () => new Response("Hello, world"),
);
