import { useLocation } from "preact-iso";
import { connection } from "../state/functions.ts";
import { signOut } from "../state/session.ts";
import { Logo } from "./Logo.tsx";

const PAGES = [["/", "Functions"], ["/instances", "Instances"], ["/secrets", "Secrets"], [
  "/isolation",
  "Isolation",
]] as const;

const CONNECTION = { connecting: "Connecting…", live: "Live", lost: "Reconnecting…" };

export function TopBar() {
  const { path } = useLocation();
  const isHere = (page: string) =>
    page === "/" ? path === "/" || path.startsWith("/functions/") : path === page;
  return (
    <header class="top">
      <a class="brand" href="/" aria-label="doze, all functions">
        <Logo /> <span>doze</span>
      </a>
      <nav aria-label="Pages">
        {PAGES.map(([page, title]) => (
          <a key={page} href={page} aria-current={isHere(page) ? "page" : undefined}>{title}</a>
        ))}
      </nav>
      <span class={`connection ${connection.value}`} role="status">
        {CONNECTION[connection.value]}
      </span>
      <a class="quiet" href="/docs" target="_blank" rel="noreferrer">API</a>
      <button class="quiet" onClick={() => void signOut()}>Sign out</button>
    </header>
  );
}
