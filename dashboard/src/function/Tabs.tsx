import { useEffect, useRef } from "preact/hooks";
import { addressOfPage } from "../pages/addresses.ts";

interface Props {
  name: string;
  views: readonly (readonly [id: string, title: string, ...unknown[]])[];
  here: string;
}

/** The views of one function; the first one has the plain address. */
export function Tabs({ name, views, here }: Props) {
  const bar = useRef<HTMLElement>(null);
  useEffect(() => {
    // On a phone not all of them fit. The page itself must not move.
    const tab = bar.current?.querySelector<HTMLElement>("[aria-current]");
    if (bar.current && tab) bar.current.scrollLeft = tab.offsetLeft - bar.current.offsetLeft - 40;
  }, [here]);
  return (
    <nav class="tabs" ref={bar} aria-label={`Views of ${name}`}>
      {views.map(([id, title], index) => (
        <a
          key={id}
          href={addressOfPage(name, index === 0 ? undefined : id)}
          aria-current={id === here ? "page" : undefined}
        >
          {title}
        </a>
      ))}
    </nav>
  );
}
