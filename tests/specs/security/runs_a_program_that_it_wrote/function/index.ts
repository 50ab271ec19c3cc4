import { attempts } from "./attempt.ts";
import { struct } from "./native.ts";

/** The smallest program for x86-64: `exit(0)`. */
const PROGRAM = struct(0x84, (view) => {
  [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1].forEach((byte, place) =>
    view.setUint8(place, byte)
  );
  view.setUint16(0x10, 2, true); // a program
  view.setUint16(0x12, 62, true); // for x86-64
  view.setUint32(0x14, 1, true);
  view.setUint32(0x18, 0x400078, true); // its first instruction
  view.setUint32(0x20, 0x40, true); // its one part, at 0x400000
  view.setUint16(0x34, 0x40, true);
  view.setUint16(0x36, 0x38, true);
  view.setUint16(0x38, 1, true);
  view.setUint32(0x40, 1, true);
  view.setUint32(0x44, 5, true);
  view.setUint32(0x50, 0x400000, true);
  view.setUint32(0x58, 0x400000, true);
  view.setUint32(0x60, 0x84, true);
  view.setUint32(0x68, 0x84, true);
  view.setUint32(0x70, 0x1000, true);
  // mov eax, 60; xor edi, edi; syscall
  [0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05]
    .forEach((byte, place) => view.setUint8(0x78 + place, byte));
});

export default attempts({
  "write, then run": () => {
    const path = `${Deno.cwd()}/scratch/program`;
    Deno.writeFileSync(path, PROGRAM, { mode: 0o755 });
    if (!new Deno.Command(path).outputSync().success) {
      throw new Error("it did not run");
    }
  },
});
