import { useRef } from "preact/hooks";

/** For whoever does not drag: fields for a folder, and for files. */
export function FilePicker({ choose }: { choose: (list: FileList) => void }) {
  const folder = useRef<HTMLInputElement>(null);
  const files = useRef<HTMLInputElement>(null);
  const take = (event: Event) => {
    const input = event.currentTarget as HTMLInputElement;
    if (input.files) choose(input.files);
  };
  return (
    <div class="picker">
      <p>Drop a folder, a source file, a zip or a tar.gz here, or choose</p>
      <div class="buttons">
        <button type="button" onClick={() => folder.current?.click()}>A folder…</button>
        <button type="button" onClick={() => files.current?.click()}>Files…</button>
      </div>
      <input
        type="file"
        hidden
        {...{ webkitdirectory: true }}
        ref={folder}
        onChange={take}
        aria-label="Folder"
      />
      <input type="file" hidden multiple ref={files} onChange={take} aria-label="Files" />
    </div>
  );
}
