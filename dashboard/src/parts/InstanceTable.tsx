import type { Instance } from "../api/types.ts";
import { bytes, seconds } from "../format/numbers.ts";
import { ago, fullTime } from "../format/times.ts";
import { addressOfPage } from "../pages/addresses.ts";
import { RetireButton } from "./RetireButton.tsx";

interface Props {
  instances: Instance[];
  /** Whether they are of more than one function. */
  mixed?: boolean;
}

/** Running processes. */
export function InstanceTable({ instances, mixed = false }: Props) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Instances">
      <table class="plain">
        <thead>
          <tr>
            <th scope="col">Instance</th>
            {mixed && <th scope="col">Function</th>}
            <th scope="col">State</th>
            <th scope="col" class="number">In flight</th>
            <th scope="col" class="number">Memory</th>
            <th scope="col" class="number">CPU time</th>
            <th scope="col">Started</th>
            <th scope="col">Idle since</th>
            <th scope="col" class="number">Process</th>
            <th scope="col">Address</th>
            <th scope="col"><span class="unseen">Actions</span></th>
          </tr>
        </thead>
        <tbody>
          {instances.map((instance) => (
            <tr key={instance.id}>
              <td class="mono">{instance.id}</td>
              {mixed && (
                <td class="mono">
                  {instance.function
                    ? <a href={addressOfPage(instance.function)}>{instance.function}</a>
                    : <span class="faint">none yet</span>}
                </td>
              )}
              <td>
                <span class={`badge ${instance.state}`}>{instance.state}</span>
              </td>
              <td class="number">{instance.inFlight}</td>
              <td class="number">
                {instance.memoryBytes === null ? "–" : bytes(instance.memoryBytes)}
              </td>
              <td class="number">{seconds(instance.cpuSeconds)}</td>
              <td title={fullTime(instance.startedAt)}>{ago(instance.startedAt)}</td>
              <td>{instance.idleSince ? ago(instance.idleSince) : "–"}</td>
              <td class="number">{instance.pid ?? "–"}</td>
              <td class="mono path" title={instance.address}>{instance.address}</td>
              <td>
                <RetireButton id={instance.id} draining={instance.state === "draining"} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
