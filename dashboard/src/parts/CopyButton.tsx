import { useSignal } from "@preact/signals";

export function CopyButton({ text, label = "Copy" }: { text: string; label?: string }) {
  const said = useSignal<string | null>(null);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      said.value = "Copied";
    } catch {
      // Browsers give the clipboard to secure pages only.
      said.value = "Select it to copy";
    }
    setTimeout(() => said.value = null, 1500);
  };
  return (
    <button type="button" class="small" onClick={() => void copy()}>
      <span aria-live="polite">{said.value ?? label}</span>
    </button>
  );
}
