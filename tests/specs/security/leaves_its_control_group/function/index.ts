import { attempts } from "./attempt.ts";

const GROUPS = ["/sys/fs/cgroup/pids/tasks", "/sys/fs/cgroup/cgroup.procs"];

export default attempts({
  "to the first of all": () => {
    for (const file of GROUPS) {
      try {
        return Deno.writeTextFileSync(file, "0", { create: false });
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    throw new Error("there is none");
  },
});
