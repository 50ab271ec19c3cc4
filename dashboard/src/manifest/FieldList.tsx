import { readManifestSchema } from "../api/client.ts";
import { useLoaded } from "../state/useLoaded.ts";
import { type Field, fieldsOf } from "./fields.ts";

interface Props {
  /** The fields that the text has; `null` while it cannot be read. */
  present: string[] | null;
  insert: (field: Field) => void;
}

/** Every field there is, to be put into the text. */
export function FieldList({ present, insert }: Props) {
  const { value: { value: schema } } = useLoaded(readManifestSchema, []);
  if (!schema) return null;
  return (
    <section class="card" aria-label="Fields">
      <h2>Fields</h2>
      <ul class="fields">
        {fieldsOf(schema).map((field) => (
          <li key={field.name}>
            <button
              class="small mono"
              disabled={present === null || present.includes(field.name)}
              title="Put it into the manifest"
              onClick={() => insert(field)}
            >
              {field.name}
            </button>
            <span>{field.meaning}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
