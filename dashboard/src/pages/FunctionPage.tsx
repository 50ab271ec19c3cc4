import { useLocation, useRoute } from "preact-iso";
import { useEffect } from "preact/hooks";
import { FunctionHeader } from "../function/FunctionHeader.tsx";
import { LogView } from "../function/LogView.tsx";
import { ManifestView } from "../manifest/ManifestView.tsx";
import { Overview } from "../function/Overview.tsx";
import { RevisionsView } from "../function/RevisionsView.tsx";
import { Tabs } from "../function/Tabs.tsx";
import { TokensView } from "../function/TokensView.tsx";
import { TryView } from "../function/TryView.tsx";
import { Empty } from "../parts/Empty.tsx";
import { Problems } from "../parts/Problems.tsx";
import { Refusal } from "../parts/Refusal.tsx";
import { functions, loaded, loadFailure } from "../state/functions.ts";

const VIEWS = [
  ["overview", "Overview", Overview],
  ["logs", "Logs", LogView],
  ["try", "Try it", TryView],
  ["revisions", "Revisions", RevisionsView],
  ["manifest", "Manifest", ManifestView],
  ["tokens", "Tokens", TokensView],
] as const;

export function FunctionPage() {
  const name = useRoute().params["name"] ?? "";
  const { query } = useLocation();
  useEffect(() => {
    document.title = `${name} · doze`;
  }, [name]);
  const view = functions.value.get(name);
  if (!view && !loaded.value) {
    return <div class="page"><Refusal failure={loadFailure.value} /></div>;
  }
  if (!view) {
    return (
      <div class="page">
        <Empty title={`There is no function ${name}`}>
          <p>It may have been removed. <a href="/">See all functions</a></p>
        </Empty>
      </div>
    );
  }
  const [here, , View] = VIEWS.find(([id]) => id === query["view"]) ?? VIEWS[0];
  return (
    <div class="page">
      <FunctionHeader view={view} />
      {view.problems.length > 0 && (
        <section class={`card trouble ${view.state}`} aria-label="Problems">
          <h2>
            {view.state === "broken"
              ? "It does not build, so there is nothing to run"
              : view.state === "stale"
              ? "The newest source does not build; the last good revision serves on"
              : "Problems"}
          </h2>
          <Problems problems={view.problems} />
        </section>
      )}
      <Tabs name={name} views={VIEWS} here={here} />
      <View key={name} view={view} />
    </div>
  );
}
