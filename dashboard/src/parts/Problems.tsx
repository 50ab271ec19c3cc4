import type { Problem } from "../api/types.ts";

/** Everything that is wrong with a function, as the bundler prints it. */
export function Problems({ problems }: { problems: Problem[] }) {
  return (
    <ul class="problems">
      {problems.map((problem, index) => (
        <li key={index}>
          {problem.file && <span class="place">{placeOf(problem)}</span>}
          <span class="text">{problem.text}</span>
        </li>
      ))}
    </ul>
  );
}

function placeOf({ file, line, column }: Problem): string {
  return line === undefined ? `${file}` : `${file}:${line}:${column ?? 1}`;
}
