import { attempts, sendDatagram } from "./attempt.ts";

export default attempts({
  "node:dgram": ({ datagrams }) => sendDatagram(datagrams),
});
