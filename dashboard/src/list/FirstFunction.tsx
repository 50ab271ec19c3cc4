import { deploy } from "../api/client.ts";
import { CopyButton } from "../parts/CopyButton.tsx";
import { Empty } from "../parts/Empty.tsx";
import { Refusal } from "../parts/Refusal.tsx";
import { addressOf } from "../state/server.ts";
import { useAction } from "../state/useAction.ts";

const SOURCE = `import { createHandler } from "doze";

export default createHandler((_request) => "Hello, world");
`;

const COMMANDS = `mkdir registry_in/hello
cat > registry_in/hello/index.ts <<'EOF'
${SOURCE}EOF`;

/** What a newcomer sees: how the first function comes to be. */
export function FirstFunction() {
  const making = useAction(() =>
    deploy("hello", {
      bytes: new Blob([SOURCE]),
      type: "application/typescript",
      file: "index.ts",
    })
  );
  return (
    <Empty title="No functions yet">
      <p>
        Drop a folder with an <code>index.ts</code> into <code>registry_in</code>, or onto this
        page. It answers at its own name, at once:
      </p>
      <div class="example">
        <pre>{COMMANDS}</pre>
        <CopyButton text={COMMANDS} />
      </div>
      <p>
        Then open <code>{addressOf("/hello")}</code>.
      </p>
      <button
        class="primary"
        disabled={making.pending.value}
        onClick={() => void making.run()}
      >
        {making.pending.value ? "Deploying…" : "Deploy this example"}
      </button>
      <Refusal failure={making.failure.value} />
    </Empty>
  );
}
