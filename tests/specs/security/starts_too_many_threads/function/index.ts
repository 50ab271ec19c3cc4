import { attempts } from "./attempt.ts";

export default attempts({
  "pthread_create": () => {
    const { symbols } = Deno.dlopen("libc.so.6", {
      pthread_create: {
        parameters: ["buffer", "pointer", "pointer", "usize"],
        result: "i32",
      },
      sleep: { type: "pointer" },
    });
    for (let count = 0; count < 150; count++) {
      const error = symbols.pthread_create(
        new Uint8Array(8),
        null,
        symbols.sleep,
        60n,
      );
      if (error !== 0) throw new Error(`error ${error}, after ${count}`);
    }
  },
});
