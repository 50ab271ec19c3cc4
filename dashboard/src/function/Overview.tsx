import type { FunctionView } from "../api/types.ts";
import { count, seconds } from "../format/numbers.ts";
import { ago } from "../format/times.ts";
import { InstanceTable } from "../parts/InstanceTable.tsx";
import { Figure } from "../parts/Figure.tsx";
import { perMinute } from "../state/rates.ts";
import { Activity } from "./Activity.tsx";
import { Details } from "./Details.tsx";
import { PermissionList } from "./PermissionList.tsx";

export function Overview({ view }: { view: FunctionView }) {
  const { counters, instances, manifest } = view;
  const rate = perMinute(view);
  return (
    <>
      <dl class="figures">
        <Figure title="Requests" value={count(counters.requests)} more={`${rate.requests}/min`} />
        <Figure
          title="Errors"
          value={count(counters.errors)}
          more={`${rate.errors}/min`}
          alarming={rate.errors > 0}
        />
        <Figure title="p50" value={seconds(counters.latencySeconds?.p50)} />
        <Figure title="p95" value={seconds(counters.latencySeconds?.p95)} />
        <Figure
          title="Cold starts"
          value={count(counters.coldStarts)}
          more={`+ ${count(counters.spareStarts)} by spare`}
        />
        <Figure
          title="Crashes"
          value={count(counters.crashes)}
          alarming={counters.crashes > 0}
        />
        <Figure
          title="Timeouts"
          value={count(counters.timeouts)}
          alarming={counters.timeouts > 0}
        />
        <Figure title="Last request" value={ago(counters.lastRequestAt)} />
      </dl>
      <Activity name={view.name} />
      <div class="columns">
        {manifest && <PermissionList manifest={manifest} />}
        <Details view={view} />
      </div>
      <section class="card">
        <h2>Instances</h2>
        {instances.length > 0 ? <InstanceTable instances={instances} /> : (
          <p class="hint">None runs. The next request starts one.</p>
        )}
      </section>
    </>
  );
}
