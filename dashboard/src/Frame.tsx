import { Route, Router, useLocation } from "preact-iso";
import { useEffect, useRef } from "preact/hooks";
import { DeployDialog } from "./deploy/DeployDialog.tsx";
import { DropZone } from "./deploy/DropZone.tsx";
import { FunctionPage } from "./pages/FunctionPage.tsx";
import { FunctionsPage } from "./pages/FunctionsPage.tsx";
import { InstancesPage } from "./pages/InstancesPage.tsx";
import { IsolationPage } from "./pages/IsolationPage.tsx";
import { NotFoundPage } from "./pages/NotFoundPage.tsx";
import { SecretsPage } from "./pages/SecretsPage.tsx";
import { TopBar } from "./parts/TopBar.tsx";
import { followFunctions } from "./state/functions.ts";

/** What surrounds every page: the bar above, and places to drop functions on. */
export function Frame() {
  const { path } = useLocation();
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  useEffect(() => {
    const ended = new AbortController();
    followFunctions(ended.signal);
    return () => ended.abort();
  }, []);
  useEffect(() => {
    // Whoever reads by ear or by keyboard begins at the new page's beginning.
    if (!first.current) main.current?.focus({ preventScroll: true });
    first.current = false;
  }, [path]);
  return (
    <>
      <a class="skip" href="#main">Skip to the page</a>
      <TopBar />
      <main id="main" tabIndex={-1} ref={main}>
        <Router>
          <Route path="/" component={FunctionsPage} />
          <Route path="/functions/:name+" component={FunctionPage} />
          <Route path="/instances" component={InstancesPage} />
          <Route path="/isolation" component={IsolationPage} />
          <Route path="/secrets" component={SecretsPage} />
          <Route default component={NotFoundPage} />
        </Router>
      </main>
      <DropZone />
      <DeployDialog />
    </>
  );
}
