import { useEffect } from "preact/hooks";
import { LAYERS } from "../isolation/layers.ts";
import { LayerRow } from "../isolation/LayerRow.tsx";
import { ServerDetails } from "../isolation/ServerDetails.tsx";
import { plural } from "../format/numbers.ts";
import { server } from "../state/server.ts";

/** What lies around every function's process, and why some of it does not. */
export function IsolationPage() {
  useEffect(() => {
    document.title = "Isolation · doze";
  }, []);
  const { isolation } = server.value ?? {};
  if (!isolation) return <div class="page"><h1>Isolation</h1></div>;
  // A layer that this page does not know by name is told all the same.
  const names = new Set([
    ...Object.keys(LAYERS),
    ...isolation.inForce,
    ...isolation.missing.map(({ layer }) => layer),
  ]);
  const missing = new Map(isolation.missing.map((each) => [each.layer, each]));
  const all = [...names].filter((name) => isolation.inForce.includes(name) || missing.has(name));
  return (
    <div class="page narrow">
      <div class="title">
        <h1>Isolation</h1>
        <p class="faint">
          {plural(isolation.inForce.length, "layer")} in force, {isolation.missing.length} not
        </p>
      </div>
      <section class="card" aria-label="Layers">
        <ul class="layers">
          {all.map((name) => <LayerRow key={name} name={name} missing={missing.get(name)} />)}
        </ul>
      </section>
      <ServerDetails />
    </div>
  );
}
