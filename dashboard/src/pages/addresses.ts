// Where pages are. A function's name may hold a slash, which stays one.

const FUNCTION = "/functions/";

export const addressOfPage = (name: string, view?: string): string =>
  FUNCTION + name + (view ? `?view=${view}` : "");

/** The function whose page this is. */
export const functionOfPage = (path: string): string | null =>
  path.startsWith(FUNCTION) ? decodeURIComponent(path.slice(FUNCTION.length)) : null;
