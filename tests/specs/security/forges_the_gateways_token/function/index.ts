import { attempts } from "./attempt.ts";

export default attempts({
  "a guess": async ({ neighbour }) => {
    const path = `${neighbour.folder}/http.sock`;
    const connection = await Deno.connect({ transport: "unix", path });
    const token = "0".repeat(32);
    const head =
      `GET http://t/ HTTP/1.1\r\nhost: t\r\nx-doze-token: ${token}\r\n\r\n`;
    await connection.write(new TextEncoder().encode(head));
    const answer = new Uint8Array(1024);
    const length = await connection.read(answer);
    connection.close();
    const status =
      new TextDecoder().decode(answer.subarray(0, length ?? 0)).split(" ")[1];
    if (status === "403") {
      throw new Error("it answers nobody without its token");
    }
  },
});
