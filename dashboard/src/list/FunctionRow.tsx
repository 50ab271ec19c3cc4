import type { FunctionView } from "../api/types.ts";
import { NOTHING } from "../format/numbers.ts";
import { addressOfPage } from "../pages/addresses.ts";
import { StateBadge } from "../parts/StateBadge.tsx";
import { COLUMNS } from "./columns.ts";

interface Props {
  view: FunctionView;
  index: number;
  open: () => void;
}

export function FunctionRow({ view, index, open }: Props) {
  return (
    <tr
      role="row"
      aria-rowindex={index}
      onClick={(event) => {
        // The link does this itself, and better: also in another tab.
        const chosen = getSelection()?.toString();
        if (!(event.target as HTMLElement).closest("a") && !chosen) open();
      }}
    >
      {COLUMNS.map(({ id, unit, show, alarming }) => {
        const text = show(view);
        const kind = alarming?.(view) ? " alarming" : text === NOTHING ? " nothing" : "";
        return (
          <td key={id} role="cell" class={id + kind} data-unit={unit}>
            {id === "name"
              ? <a href={addressOfPage(view.name)}>{text}</a>
              : id === "state"
              ? <StateBadge state={view.state} />
              : text}
          </td>
        );
      })}
    </tr>
  );
}
