import { bytes, count } from "../format/numbers.ts";
import { functions } from "../state/functions.ts";
import { perMinute } from "../state/rates.ts";
import { server } from "../state/server.ts";
import { Figure } from "../parts/Figure.tsx";

/** The whole server in a line. */
export function Summary() {
  let requests = 0;
  let errors = 0;
  let inFlight = 0;
  let memory = server.value?.memoryBytes ?? 0;
  for (const view of functions.value.values()) {
    const rate = perMinute(view);
    requests += rate.requests;
    errors += rate.errors;
    inFlight += view.counters.inFlight;
    for (const instance of view.instances) memory += instance.memoryBytes ?? 0;
  }
  const most = server.value?.settings["maxProcesses"];
  return (
    <dl class="figures">
      <Figure title="Requests/min" value={count(requests)} />
      <Figure title="Errors/min" value={count(errors)} alarming={errors > 0} />
      <Figure title="In flight" value={count(inFlight)} />
      <Figure
        title="Processes"
        value={server.value ? count(server.value.processes) : "–"}
        more={typeof most === "number" ? `of ${count(most)}` : ""}
      />
      <Figure title="Memory" value={bytes(memory)} />
    </dl>
  );
}
