import { useId, useRef } from "preact/hooks";
import type { Problem } from "../api/types.ts";
import { lineOf } from "./places.ts";

interface Props {
  label: string;
  text: string;
  problems: Problem[];
  change: (text: string) => void;
}

/** A text field with line numbers, and problems beside the lines they are on. */
export function JsonEditor({ label, text, problems, change }: Props) {
  const field = useRef<HTMLTextAreaElement>(null);
  const list = useId();
  const lines = text.split("\n");
  const placed = problems.map((problem) => ({ problem, line: lineOf(problem, text) }));
  const at = (line: number) => placed.filter((each) => each.line === line);

  const jump = (line: number) => {
    const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    field.current?.focus();
    field.current?.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
  };
  const indent = (event: KeyboardEvent) => {
    // Tab leaves the field, as everywhere; a new line begins below the last one.
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey || !field.current) return;
    const { selectionStart: start, selectionEnd: end } = field.current;
    const line = text.slice(text.lastIndexOf("\n", start - 1) + 1, start);
    const more = /[{[]\s*$/.test(line) ? "  " : "";
    const inserted = `\n${/^ */.exec(line)?.[0] ?? ""}${more}`;
    event.preventDefault();
    field.current.setRangeText(inserted, start, end, "end");
    change(field.current.value);
  };
  return (
    <div class="json-editor">
      <div class="area">
        <div class="lines" aria-hidden="true">
          {lines.map((line, index) => {
            const here = at(index + 1);
            return (
              <div key={index} class={here.length > 0 ? "wrong" : undefined}>
                <span class="line-number">{index + 1}</span>
                <span class="shadow">{line}</span>
                {here.length > 0 && (
                  <span class="beside">{here.map(({ problem }) => problem.text).join("; ")}</span>
                )}
              </div>
            );
          })}
        </div>
        <textarea
          ref={field}
          aria-label={label}
          aria-invalid={problems.length > 0}
          aria-describedby={list}
          spellcheck={false}
          wrap="off"
          value={text}
          onInput={(event) => change(event.currentTarget.value)}
          onKeyDown={indent}
        />
      </div>
      <div id={list} role="alert">
        <ul class="problems">
          {placed.map(({ problem, line }, index) => (
            <li key={index}>
              {line !== null && (
                <button type="button" class="place" onClick={() => jump(line)}>line {line}</button>
              )}
              <span class="text">{problem.text}</span>
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}
