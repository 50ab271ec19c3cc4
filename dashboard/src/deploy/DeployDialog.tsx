import { useSignal, useSignalEffect } from "@preact/signals";
import { useLocation } from "preact-iso";
import { deploy } from "../api/client.ts";
import { bytes, plural } from "../format/numbers.ts";
import { addressOfPage } from "../pages/addresses.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { Refusal } from "../parts/Refusal.tsx";
import { changed, functions } from "../state/functions.ts";
import { useAction } from "../state/useAction.ts";
import { type Chosen, filesOfInput } from "./files.ts";
import { FilePicker } from "./FilePicker.tsx";
import { pack, suggestName } from "./pack.ts";
import { deploying } from "./state.ts";

/** Says what will be deployed under which name, and what is wrong with it. */
export function DeployDialog() {
  const name = useSignal("");
  const { route } = useLocation();
  const acting = useAction(async (to: string, chosen: Chosen) => {
    changed(await deploy(to, await pack(chosen)));
    deploying.value = null;
    route(addressOfPage(to));
  });
  useSignalEffect(() => {
    const { chosen, target } = deploying.value ?? {};
    acting.failure.value = null;
    name.value = target ?? (chosen ? suggestName(chosen) : "");
  });
  if (!deploying.value) return null;
  const { target, chosen } = deploying.value;
  const size = chosen?.files.reduce((sum, { file }) => sum + file.size, 0) ?? 0;
  const replaces = functions.value.has(name.value);
  const choose = (list: FileList) => {
    if (list.length > 0) deploying.value = { target, chosen: filesOfInput(list) };
  };
  return (
    <Dialog
      title={target ? `New version of ${target}` : "Deploy a function"}
      close={() => deploying.value = null}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (chosen) void acting.run(name.value, chosen);
        }}
      >
        <FilePicker choose={choose} />
        {chosen && (
          <p class="chosen">
            <b>{chosen.name || "Files"}</b> {plural(chosen.files.length, "file")}, {bytes(size)}
          </p>
        )}
        {!target && (
          <label class="field">
            <span>Name</span>
            <input
              required
              spellcheck={false}
              autocomplete="off"
              placeholder="hello or ada/hello"
              pattern="[A-Za-z0-9][A-Za-z0-9._\-]{0,62}(/[A-Za-z0-9][A-Za-z0-9._\-]{0,62})?"
              title="letters, digits, “.”, “_” and “-”; one “/” between an owner and a name"
              value={name.value}
              onInput={(event) => name.value = event.currentTarget.value}
            />
          </label>
        )}
        {!target && replaces && <p class="hint">There is such a function: it gets a new version.</p>}
        <Refusal failure={acting.failure.value} />
        <div class="buttons">
          <button type="button" onClick={() => deploying.value = null}>Cancel</button>
          <button
            class="primary"
            autoFocus={chosen !== null}
            disabled={!chosen || acting.pending.value}
          >
            {acting.pending.value ? "Building…" : "Deploy"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
