import { span } from "../format/times.ts";
import { server } from "../state/server.ts";

/** The server and what its operator decided. */
export function ServerDetails() {
  const { value } = server;
  if (!value) return null;
  const settings = Object.entries(value.settings)
    .map(([name, value]) => [inWords(name), value === "" ? "none" : String(value)] as const);
  return (
    <section class="card">
      <h2>Server</h2>
      <dl class="details">
        {[
          ["Version", value.version],
          ["Runs for", span(value.uptimeSeconds)],
          ["Gateway", value.gateway.address],
          ...settings,
        ].map(([title, text]) => (
          <div key={title}>
            <dt>{title}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

/** `idleSeconds` is “Idle seconds”. */
function inWords(name: string): string {
  const words = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}
