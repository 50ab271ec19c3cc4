import { attempts, node } from "./attempt.ts";

export default attempts({
  "node:dgram": ({ datagrams }) =>
    new Promise<void>((done, failed) => {
      const socket = node("dgram").createSocket("udp4").on("error", failed);
      socket.bind(0, "127.0.0.1", () =>
        socket.send("x", datagrams, "127.0.0.1", (error: Error | null) => {
          socket.close();
          error ? failed(error) : done();
        }));
    }),
});
