import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";

interface Line {
  label: string;
  /** A custom property of the style sheet. */
  color: string;
  values: (number | null)[];
}

interface Props {
  title: string;
  kind: "bars" | "lines";
  /** Seconds since 1970. */
  times: number[];
  lines: Line[];
  show: (value: number) => string;
}

const HEIGHT = 170;
const WHOLE = [1, 2, 5].flatMap((n) => [0, 1, 2, 3, 4, 5, 6].map((e) => n * 10 ** e))
  .sort((a, b) => a - b);
/** Plots of one function point at the same minute. */
const CURSORS = uPlot.sync("activity");

/** A plot over time that follows the page's width and colours. */
export function Plot({ title, kind, times, lines, show }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const data: uPlot.AlignedData = [times, ...lines.map(({ values }) => values)];
  const latest = useRef(data);
  latest.current = data;

  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const draw = () => {
      plot.current?.destroy();
      plot.current = new uPlot(
        options(element.clientWidth, kind, lines, show),
        latest.current,
        element,
      );
    };
    draw();
    const watcher = new ResizeObserver(() =>
      plot.current?.setSize({ width: element.clientWidth, height: HEIGHT })
    );
    watcher.observe(element);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", draw);
    return () => {
      watcher.disconnect();
      dark.removeEventListener("change", draw);
      plot.current?.destroy();
    };
  }, []);
  useEffect(() => plot.current?.setData(data), [data]);

  const said = lines.map(({ label, values }) => {
    const known = values.filter((value) => value !== null);
    return `${label} at most ${known.length > 0 ? show(Math.max(...known)) : "nothing"}`;
  });
  return (
    <figure class="plot">
      <figcaption>{title}</figcaption>
      <div ref={place} role="img" aria-label={`${title} over the last hour: ${said.join(", ")}`} />
    </figure>
  );
}

function options(
  width: number,
  kind: Props["kind"],
  lines: Line[],
  show: Props["show"],
): uPlot.Options {
  const style = getComputedStyle(document.body);
  const color = (name: string) => resolve(style.getPropertyValue(name));
  const bars = uPlot.paths.bars?.({ size: [0.7, 14], radius: 0.15 });
  const axis: uPlot.Axis = {
    stroke: color("--muted"),
    grid: { stroke: color("--line"), width: 1 },
    ticks: { show: false },
    font: `11px ${style.fontFamily}`,
  };
  return {
    width,
    height: HEIGHT,
    cursor: { sync: { key: CURSORS.key }, drag: { x: false, y: false }, points: { size: 6 } },
    legend: { markers: { width: 0, fill: (_plot, index) => color(lines[index - 1]?.color ?? "") } },
    scales: {
      // Half a minute on both sides, for the first bar and the last one.
      x: { range: (_plot, first, last) => [first - 30, last + 30] },
      y: { range: (_plot, _least, most) => [0, Math.max(1, most * 1.15)] },
    },
    axes: [
      { ...axis, grid: { show: false }, values: (_plot, times) => times.map(clock), space: 70, size: 26 },
      {
        ...axis,
        // Half a request is none.
        ...(kind === "bars" ? { incrs: WHOLE } : {}),
        size: 56,
        space: 28,
        values: (_plot, values) => values.map(show),
      },
    ],
    series: [
      { label: "at", value: (_plot, time) => time === null ? "" : clock(time) },
      ...lines.map(({ label, color: name }): uPlot.Series => ({
        label,
        stroke: color(name),
        width: kind === "bars" ? 0 : 1.75,
        ...(kind === "bars" && bars ? { fill: color(name), paths: bars } : {}),
        // A minute with traffic between two without would be no line at all.
        points: { show: kind === "lines", size: 4, fill: color(name) },
        value: (_plot, value) => value === null ? "–" : show(value),
      })),
    ],
  };
}

/** A canvas knows no `light-dark()`; an element does. */
function resolve(value: string): string {
  const probe = document.createElement("i");
  probe.style.color = value;
  document.body.append(probe);
  const resolved = getComputedStyle(probe).color;
  probe.remove();
  return resolved;
}

function clock(seconds: number): string {
  const time = new Date(seconds * 1000);
  return `${time.getHours()}:${String(time.getMinutes()).padStart(2, "0")}`;
}
