// A fresh process for every request: what one request leaves behind in memory
// or in files, no other ever sees. That costs each of them a start.
import { createHandler } from "doze";

let requests = 0;

export default createHandler(() => {
  requests += 1;
  return { requests };
});
