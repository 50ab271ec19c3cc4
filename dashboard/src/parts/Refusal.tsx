import type { Failure } from "../api/failure.ts";
import { Problems } from "./Problems.tsx";

/** Why something that a person asked for did not happen, where he asked for it. */
export function Refusal({ failure }: { failure: Failure | null }) {
  if (!failure) return null;
  return (
    <div class="refusal" role="alert">
      <p>{sentence(failure.message)}</p>
      {failure.problems.length > 0 && <Problems problems={failure.problems} />}
    </div>
  );
}

function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.?!:]$/.test(begun) ? begun : `${begun}.`;
}
