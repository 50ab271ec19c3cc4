// What doze is compared with: the same answer from plain `deno run`.
Deno.serve({
  hostname: "127.0.0.1",
  port: Number(Deno.args[0]),
  onListen: () => console.log("ready"),
}, () => new Response("Hello, world"));
