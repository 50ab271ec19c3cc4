import type { TryResponse } from "../api/types.ts";

const STARTS = {
  warm: "served by a running instance",
  spare: "served by a spare that took the function's code",
  cold: "served by a process started for it",
};

export function TryAnswer({ answer }: { answer: TryResponse }) {
  const { status, start, millis, headers, truncated } = answer;
  const good = status < 400;
  return (
    <>
      <p class="answer-head">
        <span class={`badge ${good ? "live" : "broken"}`}>{status}</span>
        {start && <span class={`badge ${start}`} title={STARTS[start]}>{start}</span>}
        <span>{millis < 10 ? millis.toFixed(1) : Math.round(millis)} ms</span>
      </p>
      <AnswerBody answer={answer} />
      {truncated && <p class="note">The rest is left out; the gateway's address has all of it.</p>}
      <details>
        <summary>{headers.length} headers</summary>
        <dl class="headers mono">
          {headers.map(([name, value], index) => (
            <div key={index}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      </details>
    </>
  );
}

function AnswerBody({ answer: { body, encoding, headers } }: { answer: TryResponse }) {
  const type = headers.find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? "";
  if (body === "") return <p class="hint">The body is empty.</p>;
  if (encoding === "base64" && type.startsWith("image/")) {
    return <img class="answer-image" src={`data:${type};base64,${body}`} alt="The body" />;
  }
  if (encoding === "base64") {
    return <p class="hint">The body is not text ({type || "of no told type"}).</p>;
  }
  return <pre class="answer" tabIndex={0}>{type.includes("json") ? indented(body) : body}</pre>;
}

function indented(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
