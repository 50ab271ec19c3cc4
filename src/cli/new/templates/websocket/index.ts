// A WebSocket that sends back what it hears, and the page to try it with:
// the same address answers both. An open WebSocket keeps the instance.
import { createHandler } from "doze";
import page from "./page.html" with { type: "text" };

export default createHandler((request) => {
  if (request.headers.get("upgrade") !== "websocket") {
    return new Response(page, {
      headers: { "content-type": "text/html;charset=utf-8" },
    });
  }
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.onmessage = ({ data }) => socket.send(data);
  return response;
});
