import { useLocation } from "preact-iso";
import { useRef } from "preact/hooks";
import { addressOfPage } from "../pages/addresses.ts";
import { useNarrow } from "../state/useNarrow.ts";
import { COLUMNS } from "./columns.ts";
import { FunctionRow } from "./FunctionRow.tsx";
import { shown, sortBy, sorting } from "./selection.ts";
import { useWindow } from "./useWindow.ts";

/** The rows' heights, as the style sheet has them. */
const WIDE = 40;
const NARROW = 76;
/** What the bar and the table's head cover. */
const COVERED = 96;

/** All functions; only the rows near the screen are in the page. */
export function FunctionTable() {
  const views = shown.value;
  const height = useNarrow() ? NARROW : WIDE;
  const body = useRef<HTMLTableSectionElement>(null);
  const { first, last, above, below, look } = useWindow(body, views.length, height);
  const { route } = useLocation();

  const focusRow = (index: number) => {
    const top = body.current?.getBoundingClientRect().top ?? 0;
    const y = top + index * height;
    if (y < COVERED) scrollBy(0, y - COVERED);
    else if (y + height > innerHeight) scrollBy(0, y + 2 * height - innerHeight);
    look();
    requestAnimationFrame(() =>
      body.current?.querySelector<HTMLElement>(`[aria-rowindex="${index + 2}"] a`)?.focus()
    );
  };

  const move = (event: KeyboardEvent) => {
    const row = (event.target as HTMLElement).closest("tr")?.ariaRowIndex;
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1 };
    const step = steps[event.key];
    if (!row || step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const index = Number(row) - 2 + step;
    if (index >= 0) focusRow(Math.min(index, views.length - 1));
    else document.getElementById("filter")?.focus();
  };

  return (
    <table class="functions" role="table" aria-rowcount={views.length + 1}>
      <caption class="unseen">Functions</caption>
      <thead role="rowgroup">
        <tr role="row" aria-rowindex={1}>
          {COLUMNS.map(({ id, title }) => (
            <th
              key={id}
              role="columnheader"
              class={id}
              scope="col"
              aria-sort={sorting.value.column !== id
                ? "none"
                : sorting.value.reversed
                ? "descending"
                : "ascending"}
            >
              <button onClick={() => sortBy(id)}>{title}</button>
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup" ref={body} onKeyDown={move}>
        {above > 0 && <tr class="space" aria-hidden="true" style={{ height: `${above}px` }} />}
        {views.slice(first, last).map((view, index) => (
          <FunctionRow
            key={view.name}
            view={view}
            index={first + index + 2}
            open={() => route(addressOfPage(view.name))}
          />
        ))}
        {below > 0 && <tr class="space" aria-hidden="true" style={{ height: `${below}px` }} />}
      </tbody>
    </table>
  );
}
