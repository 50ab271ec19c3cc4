interface Props {
  title: string;
  value: string;
  more?: string;
  alarming?: boolean;
}

/** One number that matters, in a `dl`. */
export function Figure({ title, value, more, alarming = false }: Props) {
  return (
    <div class={alarming ? "figure alarming" : "figure"}>
      <dt>{title}</dt>
      <dd>
        {value} {more && <small>{more}</small>}
      </dd>
    </div>
  );
}
