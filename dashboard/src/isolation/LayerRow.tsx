import type { MissingLayer } from "../api/types.ts";
import { LAYERS } from "./layers.ts";

interface Props {
  name: string;
  missing: MissingLayer | undefined;
}

export function LayerRow({ name, missing }: Props) {
  return (
    <li class={missing ? "missing" : "in-force"}>
      <span class={`badge ${missing ? "off" : "live"}`}>{missing ? "not in force" : "in force"}</span>
      <code>{name}</code>
      <span>
        {LAYERS[name] && <>stops {LAYERS[name]}</>}
        {missing && (
          <span class="why">
            {missing.why}
            {missing.advice && <>. To have it: {missing.advice}</>}
          </span>
        )}
      </span>
    </li>
  );
}
