import { useEffect } from "preact/hooks";
import { listInstances } from "../api/client.ts";
import { bytes, plural } from "../format/numbers.ts";
import { Empty } from "../parts/Empty.tsx";
import { InstanceTable } from "../parts/InstanceTable.tsx";
import { Refusal } from "../parts/Refusal.tsx";
import { useLoaded } from "../state/useLoaded.ts";

/** Every process that runs, spares included. */
export function InstancesPage() {
  useEffect(() => {
    document.title = "Instances · doze";
  }, []);
  const { value: { value: instances }, failure } = useLoaded(listInstances, [], 2000);
  const memory = instances?.reduce((sum, { memoryBytes }) => sum + (memoryBytes ?? 0), 0) ?? 0;
  return (
    <div class="page">
      <div class="title">
        <h1>Instances</h1>
        {instances && instances.length > 0 && (
          <p class="faint">{plural(instances.length, "process", "processes")}, {bytes(memory)}</p>
        )}
      </div>
      <Refusal failure={failure.value} />
      {instances && instances.length > 0 && (
        <section class="card"><InstanceTable instances={instances} mixed /></section>
      )}
      {instances?.length === 0 && (
        <Empty title="Nothing runs">
          <p>A function costs no process until it is called. The next request starts one.</p>
        </Empty>
      )}
    </div>
  );
}
