import { activity } from "../api/client.ts";
import { count, plural, seconds } from "../format/numbers.ts";
import { Refusal } from "../parts/Refusal.tsx";
import { useLoaded } from "../state/useLoaded.ts";
import { Plot } from "./Plot.tsx";

/** The last hour, minute by minute. */
export function Activity({ name }: { name: string }) {
  const { value: { value: minutes }, failure } = useLoaded(() => activity(name), [name], 5000);
  const requests = minutes?.reduce((sum, minute) => sum + minute.requests, 0) ?? 0;
  const errors = minutes?.reduce((sum, minute) => sum + minute.errors, 0) ?? 0;
  return (
    <section class="card activity">
      <h2>
        Last hour{" "}
        {minutes && (
          <small>
            {plural(requests, "request")}, {errors === 1 ? "1 error" : `${count(errors)} errors`}
          </small>
        )}
      </h2>
      <Refusal failure={failure.value} />
      {minutes && (
        <div class="plots">
          <Plot
            title="Requests per minute"
            kind="bars"
            times={minutes.map(({ minute }) => Date.parse(minute) / 1000)}
            lines={[
              { label: "requests", color: "--plot-1", values: minutes.map((m) => m.requests) },
              { label: "errors", color: "--plot-bad", values: minutes.map((m) => m.errors) },
            ]}
            show={count}
          />
          <Plot
            title="Latency"
            kind="lines"
            times={minutes.map(({ minute }) => Date.parse(minute) / 1000)}
            lines={[
              { label: "p50", color: "--plot-1", values: minutes.map((m) => milliseconds(m.p50)) },
              { label: "p95", color: "--plot-2", values: minutes.map((m) => milliseconds(m.p95)) },
            ]}
            show={(value) => seconds(value / 1000)}
          />
        </div>
      )}
    </section>
  );
}

const milliseconds = (value: number | null) => value === null ? null : value * 1000;
