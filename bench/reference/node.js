// The same answer from Node, as Passenger would start it and by hand.
const http = require("node:http");
const server = http.createServer((_request, response) => {
  response.setHeader("x-pid", process.pid);
  response.end("Hello, world");
});
server.listen(process.argv[2] ?? 3000, "127.0.0.1", () => console.log("ready"));
