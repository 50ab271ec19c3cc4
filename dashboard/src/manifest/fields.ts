// What a manifest may hold, from the JSON Schema that editors use too.

export interface FieldSchema {
  description?: string;
  type?: string;
  default?: unknown;
  enum?: unknown[];
  minimum?: number;
  minItems?: number;
  items?: FieldSchema;
}

export interface ManifestSchema {
  properties: Record<string, FieldSchema>;
}

/** A field and what is told of it. */
export interface Field {
  name: string;
  meaning: string;
  /** A value to begin with, which is not what holds without the field. */
  first: unknown;
}

export function fieldsOf(schema: ManifestSchema): Field[] {
  return Object.entries(schema.properties)
    .filter(([name]) => !name.startsWith("$"))
    .map(([name, field]) => ({ name, meaning: meaning(field), first: first(field) }));
}

function meaning({ description = "", default: otherwise }: FieldSchema): string {
  const text = description.replaceAll("`", "");
  const told = typeof otherwise === "number" || typeof otherwise === "string";
  return told ? `${text} ${String(otherwise)} by default.` : text;
}

function first(field: FieldSchema): unknown {
  if (field.enum) return field.enum.find((value) => value !== field.default);
  switch (field.type) {
    case "boolean":
      return field.default !== true;
    case "integer":
    case "number":
      return field.default ?? Math.max(1, field.minimum ?? 1);
    case "array":
      return field.minItems && field.items ? [first(field.items)] : [];
    case "object":
      return {};
    default:
      return "";
  }
}
