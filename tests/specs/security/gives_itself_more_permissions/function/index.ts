import { attempts } from "./attempt.ts";

const granted = ({ state }: Deno.PermissionStatus) => {
  if (state !== "granted") throw new Error(state);
};

export default attempts({
  "read": () => granted(Deno.permissions.requestSync({ name: "read" })),
  "net": () => granted(Deno.permissions.requestSync({ name: "net" })),
  "run": () => granted(Deno.permissions.requestSync({ name: "run" })),
  "ffi": () => granted(Deno.permissions.requestSync({ name: "ffi" })),
});
