import type { MissingLayer } from "../api/types.ts";
import { LAYERS } from "./layers.ts";

interface Props {
  name: string;
  missing: MissingLayer | undefined;
}

export function LayerRow({ name, missing }: Props) {
  return (
    <li class={!missing ? "in-force" : missing.advice ? "lacking" : "spared"}>
      <span class={`badge ${!missing ? "live" : missing.advice ? "off" : ""}`}>
        {missing ? "not in force" : "in force"}
      </span>
      <code>{name}</code>
      <span>
        {LAYERS[name]}
        {missing && <span class="why">{missing.why}</span>}
        {missing?.advice && <span class="why">To have it: {missing.advice}</span>}
      </span>
    </li>
  );
}
