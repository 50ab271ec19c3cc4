import { useSignal } from "@preact/signals";
import { useLocation } from "preact-iso";
import { useEffect } from "preact/hooks";
import { functionOfPage } from "../pages/addresses.ts";
import { filesOfDrop } from "./files.ts";
import { deploying, openDeploy } from "./state.ts";

const holdsFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;

/** The whole window takes what is dropped on it. */
export function DropZone() {
  const over = useSignal(false);
  const { path } = useLocation();
  const target = functionOfPage(path);
  useEffect(() => {
    const drag = (event: DragEvent) => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      over.value = true;
    };
    const leave = (event: DragEvent) => {
      if (event.relatedTarget === null) over.value = false;
    };
    const drop = (event: DragEvent) => {
      if (!holdsFiles(event) || !event.dataTransfer) return;
      event.preventDefault();
      over.value = false;
      const into = deploying.value ? deploying.value.target : target;
      void filesOfDrop(event.dataTransfer).then((chosen) => openDeploy(into, chosen));
    };
    addEventListener("dragenter", drag);
    addEventListener("dragover", drag);
    addEventListener("dragleave", leave);
    addEventListener("drop", drop);
    return () => {
      removeEventListener("dragenter", drag);
      removeEventListener("dragover", drag);
      removeEventListener("dragleave", leave);
      removeEventListener("drop", drop);
    };
  }, [target]);
  if (!over.value) return null;
  return (
    <div class="drop-zone" aria-hidden="true">
      <p>
        {target ? <>Drop the new version of <b>{target}</b></> : "Drop a folder or files to deploy"}
      </p>
    </div>
  );
}
