import { Buffer } from "node:buffer";
import path, { join } from "path";
import * as util from "node:util";

export default async () => {
  const { createHash } = await import("node:crypto");
  return [
    Buffer.from("doze").toString("hex"),
    join("a", "b") === path.join("a", "b"),
    util.format("%s", "x"),
    createHash("md5").update("x").digest("hex").length,
  ];
};
