import { useEffect } from "preact/hooks";
import { openDeploy } from "../deploy/state.ts";
import { FilterBar } from "../list/FilterBar.tsx";
import { FirstFunction } from "../list/FirstFunction.tsx";
import { FunctionTable } from "../list/FunctionTable.tsx";
import { onlyState, query, shown } from "../list/selection.ts";
import { Summary } from "../list/Summary.tsx";
import { Empty } from "../parts/Empty.tsx";
import { Refusal } from "../parts/Refusal.tsx";
import { functions, loaded, loadFailure } from "../state/functions.ts";

export function FunctionsPage() {
  useEffect(() => {
    document.title = "Functions · doze";
  }, []);
  const isEmpty = loaded.value && functions.value.size === 0;
  return (
    <div class="page">
      <div class="title">
        <h1>Functions</h1>
        <button class="primary" onClick={() => openDeploy()}>Deploy…</button>
      </div>
      {!loaded.value && <Refusal failure={loadFailure.value} />}
      {isEmpty && <FirstFunction />}
      {loaded.value && !isEmpty && (
        <>
          <Summary />
          <FilterBar />
          {shown.value.length > 0 ? <FunctionTable /> : (
            <Empty title="No function matches">
              <button
                onClick={() => {
                  query.value = "";
                  onlyState.value = null;
                }}
              >
                Show all
              </button>
            </Empty>
          )}
        </>
      )}
    </div>
  );
}
